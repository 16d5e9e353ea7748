"""The shells that run: worker, mailroom, scheduler. Each has `async run(stop)`; `node` wires them."""

#: What one process may do; `node` says what each is made of.
ROLES = ("dns", "worker", "collector", "scheduler", "web")
