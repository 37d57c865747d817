/* Prints the messages of a named pipe until it hears "exit".
 *
 *     cc -o subscriber subscriber.c && ./subscriber /tmp/mypipe
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
    if (argc != 2) return fputs("usage: subscriber PIPE\n", stderr), 2;
    if (mkfifo(argv[1], 0600) != 0 && errno != EEXIST) return perror(argv[1]), 1;
    /* For reading and writing: it never waits for a publisher, and never sees
     * the end of the file when one leaves, so nothing is lost until the next. */
    FILE *fifo = fopen(argv[1], "r+");
    if (!fifo) return perror(argv[1]), 1;
    char *message = NULL;
    size_t size = 0;
    while (getline(&message, &size, fifo) > 0) {
        if (strcmp(message, "exit\n") == 0) break;
        /* EPIPE on standard output: SIGPIPE ends the program, as it ends cat. */
        fputs(message, stdout);
        fflush(stdout);
    }
    free(message);
    fclose(fifo);
    return 0;
}
