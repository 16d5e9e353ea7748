"""What runs: worker, mailroom, scheduler, postman, witnesses, stamping. Each has `async run(stop)`; `node`
wires them."""

#: What one process may do; `node` says what each is made of.
ROLES = ("dns", "worker", "collector", "scheduler", "notices", "web", "witness")
#: What a node that follows another one may do.
FOLLOWING = ("dns",)
