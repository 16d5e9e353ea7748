"""The loop: packets in and out by the batch, on one thread, without the interpreter's lock. Part of `_compiled`."""

cdef inline void count_key(
    const Keyring* keys, Py_ssize_t mine, const Client* client, double now, const Decision* said
) noexcept nogil:
    """One more question with a key that is known."""
    cdef KeyUse* use = &keys.uses[mine * keys.count + said.key]
    use.queries += 1
    use.hits += said.sections == LISTED or said.sections == SOURCED
    use.refused += said.rcode == REFUSED
    use.last = now
    if said.elsewhere:
        use.elsewhere += 1
        use.strayed = now
        if client.family == 0:
            use.place = <uint64_t>1 << 62 | <uint64_t>(client.number >> 8)
        else:
            use.place = <uint64_t>1 << 63 | <uint64_t>(client.number >> 80)


cdef inline void count_one(
    Core core, const World* world, int mine, int size, const Client* client, double now, const Question* asked,
    const Decision* said,
) noexcept nogil:
    """Add one message to the counts of a loop."""
    cdef Counts* counts = &core.counts[mine]
    cdef Py_ssize_t at, sort
    cdef uint64_t kinds
    if size == SAMPLED:
        counts.unsampled = 0
        return
    if size == HAND_OVER or size == COUNTED:
        counts.unsampled += 1
        return
    counts.udp += 1
    if said.key >= 0:
        count_key(&world.guard.keys, mine, client, now, said)
    if size == SILENT:
        counts.silent += 1
        return
    if size == BARRED:
        counts.barred += 1
        return
    counts.unsampled += 1
    if size == LIMITED:
        counts.limited += 1
        return
    counts.slipped += said.slip
    sort = core.sorts[asked.qtype] if asked.qtype < 256 else 0
    at = mine * (world.count + 1) + said.zone
    world.replies[(at * RCODES + said.rcode) * TYPES + sort] += 1
    if said.sections == LISTED:
        kinds = said.kinds
        while kinds:
            world.hits[at * 64 + lowest_bit(kinds)] += 1
            kinds &= kinds - 1
    elif said.sections == NOTHING and said.rcode == NOERROR:
        world.nodata[at * TYPES + sort] += 1


cdef struct Room:
    mmsghdr taken[BATCH]
    mmsghdr given[BATCH]
    iovec in_parts[BATCH]
    iovec out_parts[BATCH]
    uint8_t peers[BATCH][ADDRESS]
    uint64_t in_controls[BATCH][CONTROL_WORDS]
    uint64_t out_controls[BATCH][CONTROL_WORDS]
    uint8_t replies[BATCH][GIVES]
    uint8_t packets[BATCH][TAKES]
    Question asked
    Decision said


cdef inline bint unanswered(const uint8_t* peer) noexcept nogil:
    """Ports that cannot be answered, or would answer back; the same as in `lanes`."""
    cdef int port = peer[2] << 8 | peer[3]
    return port == 0 or port == 7 or port == 13 or port == 17 or port == 19


cdef bint hand_over(
    Room* room, int n, int other, bint for_the_log, bint counted, unsigned int local_size, const uint8_t* local
) noexcept nogil:
    """Whether the reference's socket took the packet."""
    cdef uint8_t head[HEAD]
    cdef msghdr message
    cdef iovec parts[2]
    memset(&message, 0, sizeof(message))
    memset(head, 0, HEAD)
    memcpy(head, room.peers[n], ADDRESS)
    head[28], head[29], head[30] = for_the_log, <uint8_t>local_size, counted
    memcpy(head + 32, local, local_size)
    message.msg_iov, message.msg_iovlen = parts, 2
    parts[0].iov_base, parts[0].iov_len = head, HEAD
    parts[1].iov_base, parts[1].iov_len = room.packets[n], room.taken[n].msg_len
    return sendmsg(other, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0


cdef void time_one(Core core, Counts* counts, double seconds) noexcept nogil:
    cdef int bucket = 0
    while bucket < core.bound_count and seconds > core.bounds[bucket]:
        bucket += 1
    counts.times[bucket] += 1
    counts.seconds += seconds


# When the thread is at work for more than BUSY of the time, and until it is for less than CALM, it pauses after a small
# batch, so that the next one is larger: a wake-up and two calls of the kernel a packet cost more than the answer. Below
# that load nothing waits. LOOK is how often that is decided, in seconds.
cdef double BUSY = 0.5
cdef double CALM = 0.35
cdef double LOOK = 0.005


cdef int loop(Core core, Room* room, int fd, int other, bint wild, int mine) noexcept nogil:
    cdef int taken = 0, given, n, size, sent
    cdef Py_ssize_t skip
    cdef void* found
    cdef Client client
    cdef Counts* counts = &core.counts[mine]
    cdef void** reads = &core.slots[mine].reads
    cdef double now, began
    cdef uint8_t local[32]
    cdef unsigned int local_size = 0
    cdef bint due, busy = False
    cdef double woken, ended, at_work = 0, looked = 0
    for n in range(BATCH):
        room.in_parts[n].iov_base = room.packets[n]
        room.in_parts[n].iov_len = 65536
        room.taken[n].msg_hdr.msg_iov = &room.in_parts[n]
        room.taken[n].msg_hdr.msg_iovlen = 1
        room.taken[n].msg_hdr.msg_name = room.peers[n]
        room.taken[n].msg_hdr.msg_namelen = ADDRESS
        if wild:
            room.taken[n].msg_hdr.msg_control = room.in_controls[n]
            room.taken[n].msg_hdr.msg_controllen = CONTROL
        room.given[n].msg_hdr.msg_iov = &room.out_parts[n]
        room.given[n].msg_hdr.msg_iovlen = 1
    prctl(PR_SET_TIMERSLACK, 1)  # of this thread: a pause is as long as it says
    ended = seconds_of(CLOCK_MONOTONIC)
    while not core.stopped:
        if busy and taken < FEW:
            usleep(PAUSE)
        for n in range(taken):  # what the last batch has written over
            room.taken[n].msg_hdr.msg_namelen = ADDRESS
            if wild:
                room.taken[n].msg_hdr.msg_controllen = CONTROL
        taken = recvmmsg(fd, room.taken, BATCH, MSG_WAITFORONE, NULL)  # what is taken is answered, stopped or not
        woken = seconds_of(CLOCK_MONOTONIC)
        if taken < 0:
            if errno == EBADF or errno == ENOTSOCK:
                return errno
            if errno != EINTR and errno != EAGAIN:
                counts.unsent += 1
            continue
        found = load_pointer(&core.current)
        while True:
            store_pointer(reads, found)
            if load_pointer(&core.current) == found:
                break
            found = load_pointer(&core.current)
        now = seconds_of(CLOCK_REALTIME)
        given = 0
        for n in range(taken):
            if room.taken[n].msg_len > 65536 or room.taken[n].msg_hdr.msg_namelen < 8:
                continue
            if unanswered(room.peers[n]):
                counts.udp += 1
                counts.port += 1
                continue
            if core.echo:
                room.packets[n][2] |= 0x80
                room.out_parts[given].iov_base = room.packets[n]
                size = room.taken[n].msg_len
            else:
                if (<uint16_t*>room.peers[n])[0] == AF_INET:
                    set_client(&client, 0, room.peers[n] + 4)
                else:
                    set_client(&client, 1, room.peers[n] + 8)
                skip = 0
                if (<const World*>found).guard.proxied:
                    skip = see_through((<const World*>found).guard, room.packets[n], room.taken[n].msg_len, &client)
                if skip < 0:
                    counts.udp += 1
                    counts.proxy += 1
                    continue
                due = core.every and counts.unsampled + 1 >= core.every
                counts.untimed += 1
                began = 0
                if counts.untimed >= TIMED_EVERY:
                    began = seconds_of(CLOCK_MONOTONIC)
                while True:
                    size = answer_one(
                        <const World*>found, room.packets[n] + skip, room.taken[n].msg_len - skip, &client, now, core.seen, due,
                        room.replies[given], &room.asked, &room.said,
                    )
                    count_one(core, <const World*>found, mine, size, &client, now, &room.asked, &room.said)
                    if size != SAMPLED:
                        break
                    if wild:
                        local_size = asked_address(&room.taken[n].msg_hdr, local)
                    if hand_over(room, n, other, True, False, local_size, local):
                        break
                    counts.unlogged += 1
                    due = False
                if began and size > 0:
                    counts.untimed = 0
                    time_one(core, counts, seconds_of(CLOCK_MONOTONIC) - began)
                if size == HAND_OVER or size == COUNTED:
                    if wild:
                        local_size = asked_address(&room.taken[n].msg_hdr, local)
                    if not hand_over(room, n, other, False, size == COUNTED, local_size, local):
                        counts.udp += 1
                        counts.unsent += 1
                if size <= 0:
                    continue
                room.out_parts[given].iov_base = room.replies[given]
            room.out_parts[given].iov_len = size
            room.given[given].msg_hdr.msg_name = room.peers[n]
            room.given[given].msg_hdr.msg_namelen = room.taken[n].msg_hdr.msg_namelen
            if wild:
                local_size = asked_address(&room.taken[n].msg_hdr, local)
                room.given[given].msg_hdr.msg_control = room.out_controls[given] if local_size else NULL
                room.given[given].msg_hdr.msg_controllen = (
                    leave_from(<uint8_t*>room.out_controls[given], local, local_size) if local_size else 0
                )
            given += 1
        store_pointer(reads, NULL)
        n = 0
        while n < given:
            if given == 1:
                sent = 1 if sendmsg(fd, &room.given[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 else -1
            else:
                sent = sendmmsg(fd, &room.given[n], given - n, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent > 0:
                n += sent
            elif errno == EAGAIN:
                counts.unsent += given - n
                break
            elif errno != EINTR:  # this one cannot be sent
                counts.unsent += 1
                n += 1
        at_work -= woken
        looked -= ended
        ended = seconds_of(CLOCK_MONOTONIC)
        at_work += ended
        looked += ended
        if looked > LOOK:
            busy = at_work > looked * (CALM if busy else BUSY)
            at_work = looked = 0
    return 0
