/*
 * The resources that can run out, one row each: KIND(name, text). shim.c defines which
 * calls belong to a kind; the runner reads the names here.
 */
KIND(MALLOC, "malloc")
KIND(MMAP, "mmap")
KIND(MREMAP, "mremap")
KIND(MUNMAP, "munmap")
KIND(MADVISE, "madvise")
KIND(EPOLL_CTL, "epoll_ctl")
KIND(EVENTFD, "eventfd")
KIND(ACCEPT, "accept")
KIND(SOCKET, "socket")
KIND(OPEN, "open")
KIND(WRITE, "write")
KIND(PTHREAD_CREATE, "pthread_create")
KIND(IO_URING, "io_uring")
