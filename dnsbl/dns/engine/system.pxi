"""What the engine takes from the system: the kernel's calls, the clock, memory, whole stores. Part of `_compiled`."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport EAGAIN, EBADF, EINTR, ENOTSOCK, errno
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <string.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <sys/prctl.h>
    #include <time.h>
    #include <unistd.h>
    typedef unsigned __int128 u128;
    #define load_pointer(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
    #define store_pointer(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
    #define lowest_bit(word) __builtin_ctzll(word)

    static inline double seconds_of(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }

    /* The address that was asked, ready to be the one that a reply leaves from; its size, or 0. */
    static inline unsigned asked_address(struct msghdr *message, unsigned char *local) {
        struct cmsghdr *part;
        for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
            if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO
                && part->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(part), sizeof info);
                info.ipi_ifindex = 0;
                memcpy(local, &info, sizeof info);
                return sizeof info;
            }
            if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO
                && part->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
                struct in6_pktinfo info;
                memcpy(&info, CMSG_DATA(part), sizeof info);
                if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                    info.ipi6_ifindex = 0;
                memcpy(local, &info, sizeof info);
                return sizeof info;
            }
        }
        return 0;
    }

    static inline unsigned leave_from(unsigned char *control, const unsigned char *local, unsigned size) {
        struct cmsghdr *part = (struct cmsghdr *)control;
        part->cmsg_level = size == sizeof(struct in_pktinfo) ? IPPROTO_IP : IPPROTO_IPV6;
        part->cmsg_type = size == sizeof(struct in_pktinfo) ? IP_PKTINFO : IPV6_PKTINFO;
        part->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(part), local, size);
        return CMSG_SPACE(size);
    }
    """
    ctypedef unsigned long long u128  # 128 bits in C; never becomes a Python number
    ctypedef int clockid_t
    void* load_pointer(void** p)
    void store_pointer(void** p, void* v)
    int lowest_bit(uint64_t word)
    double seconds_of(clockid_t clock)
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        unsigned int msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    unsigned int asked_address(msghdr* message, uint8_t* local)
    unsigned int leave_from(uint8_t* control, const uint8_t* local, unsigned int size)
    int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags, void* timeout)
    int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags)
    ssize_t sendmsg(int fd, msghdr* message, int flags)
    int usleep(unsigned int microseconds)
    int prctl(int option, unsigned long value)
    enum: PR_SET_TIMERSLACK
    enum: AF_INET
    enum: CLOCK_MONOTONIC
    enum: CLOCK_REALTIME
    enum: MSG_WAITFORONE
    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL
