/* A provider that costs next to nothing, for benchmarks: one process, epoll, keep-alive, loopback only.
 *
 *     POST .../chat/completions         one fixed JSON answer
 *     the same with "stream":true       a fixed stream of server-sent events, each a chunk and a write of its own,
 *                                       all open streams in turn
 *
 * Arguments: events in a stream, and milliseconds from one to the next (0: as fast as they go). Prints its port, then serves until its standard input ends. Reads no more of a request
 * than its end; believes its client. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 65536, FDS_MAX = 65536 };

struct peer {
    char in[IN_MAX];
    size_t got;
    const char *out; /* what is left to send */
    size_t left;
    size_t step; /* most to send at a time */
    long due; /* when the next event goes, in milliseconds; 0: now */
};

static struct peer *peers[FDS_MAX];
static char *plain, *stream;
static size_t plain_bytes, stream_bytes, head_bytes, event_bytes;
static long pause_ms;
static int fd_max;

static long now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void make_answers(int events)
{
    const char *body = "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
                       "{\"role\":\"assistant\",\"content\":\"hello there\"},\"finish_reason\":\"stop\"}],"
                       "\"usage\":{\"prompt_tokens\":80,\"completion_tokens\":16,\"total_tokens\":96}}";
    const char *delta = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,"
                        "\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n";
    const char *last = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,"
                       "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const char *usage = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[],"
                        "\"usage\":{\"prompt_tokens\":80,\"completion_tokens\":16,\"total_tokens\":96}}\n\n";
    const char *done = "data: [DONE]\n\n";
    plain_bytes = asprintf(&plain,
                           "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: 0123456789abcdef\r\n"
                           "content-length: %zu\r\n\r\n%s",
                           strlen(body), body);
    size_t room = 4096 + (size_t)events * (strlen(delta) + 16);
    stream = malloc(room);
    stream_bytes = head_bytes = sprintf(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    for (int i = 0; i < events; i++)
        stream_bytes += event_bytes = sprintf(stream + stream_bytes, "%zx\r\n%s\r\n", strlen(delta), delta);
    const char *end[] = {last, usage, done};
    for (int i = 0; i < 3; i++)
        stream_bytes += sprintf(stream + stream_bytes, "%zx\r\n%s\r\n", strlen(end[i]), end[i]);
    stream_bytes += sprintf(stream + stream_bytes, "0\r\n\r\n");
}

static void drop(int fd)
{
    free(peers[fd]);
    peers[fd] = NULL;
    close(fd);
}

static int send_out(int queue, int fd, struct peer *peer)
{
    ssize_t sent = send(fd, peer->out, peer->left < peer->step ? peer->left : peer->step, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        peer->out += sent;
        peer->left -= sent;
        peer->step = event_bytes;
    }
    peer->due = pause_ms && peer->left ? now_ms() + pause_ms : 0;
    struct epoll_event want = {.events = EPOLLIN | (peer->left && !peer->due ? EPOLLOUT : 0), .data.fd = fd};
    return epoll_ctl(queue, EPOLL_CTL_MOD, fd, &want);
}

/* One whole request at the buffer's start: answer it. */
static int answer(int queue, int fd, struct peer *peer)
{
    peer->in[peer->got] = 0;
    char *end = strstr(peer->in, "\r\n\r\n");
    if (!end || peer->left)
        return 0;
    char *said = strcasestr(peer->in, "content-length:");
    size_t total = end + 4 - peer->in + (said && said < end ? strtoul(said + 15, NULL, 10) : 0);
    if (peer->got < total)
        return total >= IN_MAX;
    int streams = memmem(peer->in, total, "\"stream\":true", 13) != NULL;
    peer->out = streams ? stream : plain;
    peer->left = streams ? stream_bytes : plain_bytes;
    peer->step = streams ? head_bytes + event_bytes : plain_bytes;
    memmove(peer->in, peer->in + total, peer->got - total);
    peer->got -= total;
    return send_out(queue, fd, peer);
}

static void serve(int queue, struct epoll_event *event)
{
    int fd = event->data.fd;
    struct peer *peer = peers[fd];
    if ((event->events & EPOLLOUT) && peer->left)
        send_out(queue, fd, peer);
    if (!(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t got = recv(fd, peer->in + peer->got, IN_MAX - 1 - peer->got, MSG_DONTWAIT);
    if (got > 0)
        peer->got += got;
    if (got <= 0 || answer(queue, fd, peer))
        drop(fd);
}

static void send_due(int queue)
{
    long now = now_ms();
    for (int fd = 0; fd <= fd_max; fd++)
        if (peers[fd] && peers[fd]->due && peers[fd]->due <= now)
            send_out(queue, fd, peers[fd]);
}

static void welcome(int queue, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (fd < 0 || fd >= FDS_MAX)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    peers[fd] = calloc(1, sizeof(struct peer));
    fd_max = fd > fd_max ? fd : fd_max;
    struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(queue, EPOLL_CTL_ADD, fd, &want);
}

int main(int count, char **arguments)
{
    make_answers(count > 1 ? atoi(arguments[1]) : 64);
    pause_ms = count > 2 ? atoi(arguments[2]) : 0;
    int listener = socket(AF_INET, SOCK_STREAM, 0), queue = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&at, &size))
        return 1;
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    struct epoll_event ready[256], want = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &want);
    want.data.fd = 0;
    epoll_ctl(queue, EPOLL_CTL_ADD, 0, &want);
    for (;;) {
        int n = epoll_wait(queue, ready, 256, pause_ms ? 1 : -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == 0)
                return 0;
            if (ready[i].data.fd == listener)
                welcome(queue, listener);
            else if (peers[ready[i].data.fd])
                serve(queue, &ready[i]);
        }
        if (pause_ms)
            send_due(queue);
    }
}
