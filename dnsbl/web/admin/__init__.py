"""The operators' side of the site: who may come in (`gate`), what they see and do (`overview`, `lists`, `letters`,
`people`), each with the very verb that the command line calls. Holds no rule of the list."""
