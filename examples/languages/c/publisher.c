/* Publishes each line of standard input to a named pipe.
 *
 *     cc -o publisher publisher.c && ./publisher /tmp/mypipe
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail(const char *what) { perror(what); exit(1); }

int main(int argc, char **argv) {
    if (argc != 2) return fputs("usage: publisher PIPE\n", stderr), 2;
    signal(SIGPIPE, SIG_IGN); /* EPIPE says it, without ending the program. */
    int fifo = open(argv[1], O_WRONLY); /* Waits for a reader; stays open. */
    if (fifo < 0) fail(argv[1]);
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        /* The last line may lack its line feed; its NUL has the place. */
        if (line[length - 1] != '\n') line[length++] = '\n';
        /* The message and its line feed in one write: up to PIPE_BUF bytes,
         * 4096 on Linux, no other publisher can get in between. */
        while (write(fifo, line, length) < 0) {
            if (errno != EPIPE) fail("write");
            /* The reader has left, and the message is not in the pipe. It
             * waits for the next reader. */
            close(fifo);
            if ((fifo = open(argv[1], O_WRONLY)) < 0) fail(argv[1]);
        }
    }
    free(line);
    return 0;
}
