"""The shells that run: responder, feed, scheduler, worker, mailroom. Each has `async run(stop)`."""
