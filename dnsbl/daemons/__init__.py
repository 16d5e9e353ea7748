"""The shells that run: worker, mailroom, scheduler, postman. Each has `async run(stop)`; `node` wires them."""

#: What one process may do; `node` says what each is made of.
ROLES = ("dns", "worker", "collector", "scheduler", "notices", "web")
