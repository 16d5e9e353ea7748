// Brings the news to a page that waits for something, so that nobody who reads it loses his place: as soon as the server
// tells that there is some (server-sent events), and else as often as the page would load itself again without a script.
"use strict";
(() => {
  const { every, events } = document.currentScript.dataset;
  let timer = 0, due = 0, source = null;
  const poll = () => { timer = timer || setInterval(look, Number(every) * 1000); };
  const rest = () => { clearInterval(timer); timer = 0; };
  const look = async () => {
    const answer = document.hidden ? null : await fetch(location.href).catch(() => null);
    if (!answer || !answer.ok) return;
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = there.querySelectorAll("main [role=status]");
    document.querySelectorAll("main [role=status]").forEach((one, n) => { // in place, so that it is read out
      if (said[n] && said[n].textContent !== one.textContent) one.replaceChildren(...said[n].cloneNode(true).childNodes);
    });
    const [mine, theirs] = [document.getElementById("main"), there.getElementById("main")];
    const over = !there.querySelector("script[data-every]");
    if (over) { rest(); source?.close(); }
    if (over || (!mine.contains(document.activeElement) && mine.innerHTML !== theirs.innerHTML)) {
      document.title = there.title;
      mine.replaceChildren(...theirs.childNodes);
    }
  };
  const soon = () => { due = due || setTimeout(() => { due = 0; look(); }, 500); }; // several at once are one
  poll();
  if (events && window.EventSource) {
    source = new EventSource(events);
    source.onopen = rest;
    source.onerror = poll; // it asks again by itself, or was refused: then the page looks
    for (const kind of ["progress", "result"]) source.addEventListener(kind, soon);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  }
})();
