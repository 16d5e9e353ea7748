// Brings the news to a page that waits for something, so that nobody who reads it loses his place. Without it the page
// loads itself again.
"use strict";
(() => {
  const every = Number(document.currentScript.dataset.every) * 1000;
  const look = setInterval(async () => {
    const answer = document.hidden ? null : await fetch(location.href).catch(() => null);
    if (!answer || !answer.ok) return;
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = there.querySelectorAll("main [role=status]");
    document.querySelectorAll("main [role=status]").forEach((one, n) => { // in place, so that it is read out
      if (said[n] && said[n].textContent !== one.textContent) one.replaceChildren(...said[n].cloneNode(true).childNodes);
    });
    const [mine, theirs] = [document.getElementById("main"), there.getElementById("main")];
    const over = !there.querySelector("script[data-every]");
    if (over) clearInterval(look);
    if (over || (!mine.contains(document.activeElement) && mine.innerHTML !== theirs.innerHTML)) {
      document.title = there.title;
      mine.replaceChildren(...theirs.childNodes);
    }
  }, every);
})();
