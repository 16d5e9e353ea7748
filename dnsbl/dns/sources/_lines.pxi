"""Simple lines, a function a form: each returns where the first line begins that is not one. Part of `_swift`.

What a line says is looked at whole before anything of it is kept.
"""

cdef struct Line:
    const uint8_t* at
    const uint8_t* end  # without blanks at the end

cdef struct Default:
    uint32_t number  # of the default among them, 0 before it is needed
    const uint8_t* address
    const uint8_t* template
    Py_ssize_t size


cdef inline bint blank(uint8_t c) noexcept nogil:
    return c == 32 or c == 9


cdef inline bint digit(const Line* line) noexcept nogil:
    return line.at < line.end and 48 <= line.at[0] <= 57


cdef inline bint next_is(const Line* line, uint8_t c) noexcept nogil:
    return line.at < line.end and line.at[0] == c


cdef inline void skip_blanks(Line* line) noexcept nogil:
    while line.at < line.end and blank(line.at[0]):
        line.at += 1


cdef inline bint cut(const uint8_t** at, const uint8_t* end, Line* line) noexcept nogil:
    """The line that begins here, without blanks around it, and behind it; False when nothing is in it but a comment."""
    cdef const uint8_t* stop = <const uint8_t*>memchr(at[0], 10, end - at[0])
    if stop == NULL:
        stop = end
    line.at, line.end = at[0], stop
    at[0] = stop + 1 if stop < end else end
    while line.at < line.end and (blank((line.end - 1)[0]) or (line.end - 1)[0] == 13):
        line.end -= 1
    skip_blanks(line)
    if line.at == line.end:
        return False
    return (line.at[0] != 35 and line.at[0] != 59) or (line.end - line.at > 1 and line.at[1] == 36)


cdef inline int number(Line* line, int most) noexcept nogil:
    """The number of one to so many digits that comes next, or -1."""
    cdef int value = 0, digits = 0
    while digit(line):
        if digits == most:
            return -1
        value = 10 * value + line.at[0] - 48
        digits += 1
        line.at += 1
    return value if digits else -1


cdef inline int octets(Line* line, uint32_t* address) noexcept nogil:
    """How many octets come next, with neither a dot nor a digit behind them; 0 when they are no simple ones."""
    cdef int count = 0, value
    address[0] = 0
    while count < 4:
        value = number(line, 3)
        if not 0 <= value <= 255:
            return 0
        address[0] = address[0] << 8 | <uint32_t>value
        count += 1
        if not next_is(line, 46):
            return count
        line.at += 1
    return 0


cdef inline void packed4(uint32_t address, uint8_t* into) noexcept nogil:
    into[0], into[1], into[2], into[3] = address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255


cdef inline uint32_t valued(Line* line, SwiftValues values, Default* default) noexcept nogil:
    """The number of the value that comes next, or 0 when it is no simple one."""
    cdef uint32_t address
    cdef uint8_t packed[4]
    cdef int count
    skip_blanks(line)
    if line.at == line.end or line.at[0] == 35 or line.at[0] == 59:
        if default.number == 0:
            default.number = values.add(default.address, default.template, default.size)
        return default.number
    if line.at[0] != 58:
        return values.add(default.address, line.at, line.end - line.at)
    line.at += 1
    count = octets(line, &address)
    if (count != 1 and count != 4) or address == 0 or not next_is(line, 58):
        return 0
    packed4(address if count == 4 else 0x7F000000U | address, packed)
    line.at += 1
    skip_blanks(line)
    return values.add(packed, line.at, line.end - line.at)


cdef inline bint behind_address(const Line* line) noexcept nogil:
    """Whether what may follow an address follows."""
    return line.at == line.end or blank(line.at[0]) or line.at[0] == 35 or line.at[0] == 59 or line.at[0] == 58


cdef inline bint range4(Line* line, bint one_block, uint32_t* first, uint32_t* last) noexcept nogil:
    """As `networks.range4`, or `prefix4` for one block; False when it is no simple one."""
    cdef int count = octets(line, first), more, length
    cdef uint32_t fill
    if count == 0:
        return False
    fill = <uint32_t>((<uint64_t>1 << (32 - 8 * count)) - 1)
    last[0] = first[0]
    if next_is(line, 47):
        line.at += 1
        length = number(line, 2)
        first[0] = <uint32_t>(<uint64_t>first[0] << (32 - 8 * count))
        if not 1 <= length <= 32 or next_is(line, 46):
            return False
        fill = <uint32_t>((<uint64_t>1 << (32 - length)) - 1)
        last[0] = first[0] | fill
        return first[0] & fill == 0
    if next_is(line, 45):
        if one_block:
            return False
        line.at += 1
        more = octets(line, last)
        if more == 1:
            last[0] |= first[0] & ~<uint32_t>0xFF
        elif more != count:
            return False
    elif count == 1:
        return False
    first[0] = <uint32_t>(<uint64_t>first[0] << (32 - 8 * count))
    last[0] = <uint32_t>(<uint64_t>last[0] << (32 - 8 * count)) | fill
    return first[0] <= last[0]


cdef inline bint cut_up(SwiftEntries entries, uint64_t first, uint64_t last, uint32_t value, uint32_t line) noexcept nogil:
    """As `networks.blocks4`."""
    cdef uint64_t size
    cdef uint32_t length
    while first <= last:
        size, length = 1, 32
        while length > 8 and not first & ((size << 8) - 1) and first + (size << 8) - 1 <= last:
            size <<= 8
            length -= 8
        if not entries.add4(<uint32_t>first, length, value, line):
            return False
        first += size
    return True


cdef const uint8_t* run4(
    const uint8_t* here, const uint8_t* end, Py_ssize_t* lines, bint tset, bint trie, SwiftEntries entries,
    SwiftValues values, Default* default, uint64_t most,
) noexcept nogil:
    cdef const uint8_t* before
    cdef Line line
    cdef uint32_t first, last, value, length
    cdef bint excluded
    while here < end:
        before = here
        if not cut(&here, end, &line):
            lines[0] += 1
            continue
        excluded = not tset and line.at[0] == 33
        if excluded:
            line.at += 1
            skip_blanks(&line)
        if tset:
            if octets(&line, &first) != 4:
                return before
            last = first
        elif not range4(&line, trie, &first, &last):
            return before
        if not behind_address(&line) or (most and <uint64_t>last - first + 1 > most):
            return before
        length = 32
        if trie and first != last:
            while (last - first) >> (32 - length):
                length -= 1
        value = 0 if excluded else 1 if tset else valued(&line, values, default)
        if value == 0 and not excluded:
            return before
        if trie or first == last:
            if not entries.add4(first, length, value, <uint32_t>lines[0] + 1):
                return before
        elif not cut_up(entries, first, last, value, <uint32_t>lines[0] + 1):
            return before
        lines[0] += 1
    return here


cdef inline int nibble(const Line* line) noexcept nogil:
    cdef uint8_t c
    if line.at == line.end:
        return -1
    c = line.at[0]
    if 48 <= c <= 57:
        return c - 48
    c |= 32
    return c - 87 if 97 <= c <= 102 else -1


cdef inline int groups6(Line* line, uint64_t* high, uint64_t* low, bint* gap) noexcept nogil:
    """How many groups are said, eight where some are left out (`gap`), with no colon behind them; 0 when they are no
    simple ones. `high` and `low` are the address with nothing in the groups that are not said."""
    cdef uint32_t found[8]
    cdef uint32_t halves[8]
    cdef int count = 0, hole = -1, digits, n
    memset(halves, 0, sizeof(halves))
    while count < 8:
        found[count] = digits = 0
        while digits < 5 and nibble(line) >= 0:
            found[count] = found[count] << 4 | <uint32_t>nibble(line)
            digits += 1
            line.at += 1
        if not 1 <= digits <= 4:
            return 0
        count += 1
        if not next_is(line, 58):
            break
        line.at += 1
        if next_is(line, 58) and hole < 0:
            hole = count
            line.at += 1
            if nibble(line) < 0:
                break
        elif nibble(line) < 0:
            return 0
        elif count == 8:
            return 0
    if next_is(line, 58) or (hole >= 0 and count == 8):
        return 0
    for n in range(count):
        halves[n if hole < 0 or n < hole else 8 - count + n] = found[n]
    high[0] = low[0] = 0
    for n in range(4):
        high[0] = high[0] << 16 | halves[n]
        low[0] = low[0] << 16 | halves[n + 4]
    gap[0] = hole >= 0
    return 8 if hole >= 0 else count


cdef inline bint bits_behind(uint64_t high, uint64_t low, int length) noexcept nogil:
    """Whether an address has bits behind its prefix."""
    if length >= 128:
        return False
    if length >= 64:
        return low & (~<uint64_t>0 >> (length - 64)) != 0
    return low != 0 or high & (~<uint64_t>0 >> length) != 0


cdef const uint8_t* run6(
    const uint8_t* here, const uint8_t* end, Py_ssize_t* lines, bint tset, SwiftEntries entries, SwiftValues values,
    Default* default,
) noexcept nogil:
    cdef const uint8_t* before
    cdef Line line
    cdef uint32_t value
    cdef uint64_t high, low
    cdef int groups, length
    cdef bint gap, excluded
    while here < end:
        before = here
        if not cut(&here, end, &line):
            lines[0] += 1
            continue
        excluded = not tset and line.at[0] == 33
        if excluded:
            line.at += 1
            skip_blanks(&line)
        groups = groups6(&line, &high, &low, &gap)
        if groups == 0:
            return before
        length = 16 * groups
        if next_is(&line, 47):
            if tset:
                return before
            line.at += 1
            length = number(&line, 3)
            if not 0 <= length <= 128:
                return before
        elif groups == 1:
            return before
        if tset and (groups != 4 or gap):
            return before
        if not behind_address(&line) or next_is(&line, 58) or bits_behind(high, low, length):
            return before
        value = 0 if excluded else 1 if tset else valued(&line, values, default)
        if value == 0 and not excluded:
            return before
        if not entries.add6(high, low, <uint32_t>length, value, <uint32_t>lines[0] + 1):
            return before
        lines[0] += 1
    return here


cdef inline Py_ssize_t named(Line* line, uint8_t* name) noexcept nogil:
    """Pack the word that comes next; its size, or 0 when it is no simple name."""
    cdef Py_ssize_t size = 0, label = 0  # where the length of this label stands; the label's last byte
    cdef uint8_t c
    while line.at < line.end and not blank(line.at[0]):
        c = line.at[0]
        if size >= 253:
            return 0
        if c == 46:
            if size == label:
                return 0
            if line.at + 1 == line.end or blank(line.at[1]):
                line.at += 1
                break
            name[label] = <uint8_t>(size - label)
            size += 1
            label = size
        else:
            if c < 33 or c == 92 or c == 127 or size - label >= 63:
                return 0
            size += 1
            name[size] = c + 32 if 65 <= c <= 90 else c
        line.at += 1
    if size == label:
        return 0
    name[label] = <uint8_t>(size - label)
    return size + 1


cdef const uint8_t* run_names(
    const uint8_t* here, const uint8_t* end, Py_ssize_t* lines, SwiftNames names, SwiftValues values, Default* default
) noexcept nogil:
    cdef const uint8_t* before
    cdef Line line
    cdef uint8_t name[256]
    cdef Py_ssize_t size
    cdef uint32_t value
    cdef bint excluded, itself, below
    while here < end:
        before = here
        if not cut(&here, end, &line):
            lines[0] += 1
            continue
        if line.at[0] == 58 or line.at[0] == 36 or line.at[0] == 35 or line.at[0] == 59:
            return before
        excluded = line.at[0] == 33
        if excluded:
            line.at += 1
            skip_blanks(&line)
        itself = below = True
        if next_is(&line, 46):
            line.at += 1
        elif line.end - line.at > 1 and line.at[0] == 42 and line.at[1] == 46:
            line.at += 2
            itself = False
        else:
            below = False
        size = named(&line, name)
        if size == 0:
            return before
        value = EXCLUDED if excluded else valued(&line, values, default)
        if value == 0 or not names.put(name, size, value, itself, below):
            return before
        lines[0] += 1
    return here


cdef inline bint word_is(Line* line, const char* word, Py_ssize_t size) noexcept nogil:
    """Whether this word, given in lower case, comes next in whatever case, with blanks and more behind it; behind them."""
    cdef Py_ssize_t n
    if line.end - line.at <= size or not blank(line.at[size]):
        return False
    for n in range(size):
        if (line.at[n] | 32) != <uint8_t>word[n]:
            return False
    line.at += size
    skip_blanks(line)
    return True


cdef const uint8_t* run_records(
    const uint8_t* here, const uint8_t* end, Py_ssize_t* lines, SwiftNames names, SwiftValues values, uint32_t usual
) noexcept nogil:
    """Records of the types A and TXT, with a TTL in seconds or none."""
    cdef const uint8_t* before
    cdef Line line
    cdef uint8_t name[256]
    cdef uint8_t record[7 + LONGEST]
    cdef uint8_t nothing[4]
    cdef Py_ssize_t size
    cdef uint32_t address, value, ttl
    cdef int given_ttl
    memset(nothing, 0, 4)
    while here < end:
        before = here
        if not cut(&here, end, &line):
            lines[0] += 1
            continue
        if line.at[0] == 58 or line.at[0] == 36 or line.at[0] == 35 or line.at[0] == 59 or line.at[0] == 64:
            return before
        size = named(&line, name)
        if size == 0:
            return before
        skip_blanks(&line)
        ttl = usual
        if digit(&line):
            given_ttl = number(&line, 9)
            if given_ttl <= 0 or line.at == line.end or not blank(line.at[0]):
                return before
            ttl = <uint32_t>given_ttl
            skip_blanks(&line)
        word_is(&line, "in", 2)
        record[2], record[3], record[4], record[5] = ttl >> 24, ttl >> 16 & 255, ttl >> 8 & 255, ttl & 255
        record[0] = 0
        if word_is(&line, "a", 1):
            if octets(&line, &address) != 4 or line.at != line.end or address == 0:
                return before
            record[1] = 1
            packed4(address, record + 6)
            value = values.add(nothing, record, 10)
        elif word_is(&line, "txt", 3):
            if line.end - line.at > 1 and line.at[0] == 34 and (line.end - 1)[0] == 34:
                line.at += 1
                line.end -= 1
            record[1], record[6] = 16, <uint8_t>min(line.end - line.at, LONGEST)
            memcpy(record + 7, line.at, record[6])
            value = values.add(nothing, record, 7 + record[6])
        else:
            return before
        if value == 0 or not names.put(name, size, value, True, False):
            return before
        lines[0] += 1
    return here
