// What C programs do with the same messages: `_peer out|in|ping|pong PATH …`.
// With -DZMQ, out and in use libzmq (PUSH and PULL) instead of a FIFO.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef ZMQ
#include <zmq.h>
#endif

enum { LINE_BYTES = 65536, MESSAGE_BYTES = 5 };

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int need(int result) {
  if (result >= 0) return result;
  perror("_peer");
  exit(1);
}

#ifdef ZMQ
static void *context;

static void *connected(const char *address, int is_out) {
  context = zmq_ctx_new();
  void *socket = zmq_socket(context, is_out ? ZMQ_PUSH : ZMQ_PULL);
  int none = 0;
  zmq_setsockopt(socket, is_out ? ZMQ_SNDHWM : ZMQ_RCVHWM, &none, sizeof none);
  need(is_out ? zmq_connect(socket, address) : zmq_bind(socket, address));
  return socket;
}
#endif

// Lines of standard input to PATH.
static int out(const char *path) {
  char line[LINE_BYTES];
#ifdef ZMQ
  void *socket = connected(path, 1);
  while (fgets(line, sizeof line, stdin)) {
    need(zmq_send(socket, line, strlen(line), 0));
  }
  zmq_close(socket);
  // Waits until everything is sent.
  zmq_ctx_term(context);
#else
  FILE *fifo = fopen(path, "w");
  if (!fifo) need(-1);
  while (fgets(line, sizeof line, stdin)) fputs(line, fifo);
  fclose(fifo);
#endif
  return 0;
}

// COUNT lines from PATH to standard output.
static int in(const char *path, long count) {
  char line[LINE_BYTES];
#ifdef ZMQ
  void *socket = connected(path, 0);
  for (; count > 0; count--) {
    int length = need(zmq_recv(socket, line, sizeof line, 0));
    fwrite(line, 1, length, stdout);
  }
#else
  FILE *fifo = fopen(path, "r");
  if (!fifo) need(-1);
  for (; count > 0 && fgets(line, sizeof line, fifo); count--) {
    fputs(line, stdout);
  }
#endif
  return 0;
}

// A message to OUT, its answer from IN, COUNT times: prints the median in µs.
static int ping(const char *out, const char *in, int count) {
  int to = need(open(out, O_RDWR)), from = need(open(in, O_RDWR));
  double *times = malloc(count * sizeof *times);
  char answer[MESSAGE_BYTES];
  for (int i = 0; i < count; i++) {
    double start = microseconds();
    need(write(to, "21.5\n", MESSAGE_BYTES));
    need(read(from, answer, MESSAGE_BYTES));
    times[i] = microseconds() - start;
  }
  need(write(to, "exit\n", MESSAGE_BYTES));
  qsort(times, count, sizeof *times, compare);
  printf("%.2f\n", times[count / 2]);
  return 0;
}

static int pong(const char *in, const char *out) {
  int from = need(open(in, O_RDWR)), to = need(open(out, O_RDWR));
  char message[MESSAGE_BYTES];
  while (need(read(from, message, MESSAGE_BYTES)) > 0) {
    if (memcmp(message, "exit", 4) == 0) return 0;
    need(write(to, message, MESSAGE_BYTES));
  }
  return 1;
}

int main(int count, char **args) {
  const char *what = count > 2 ? args[1] : "";
  if (!strcmp(what, "out")) return out(args[2]);
  if (!strcmp(what, "in")) return in(args[2], atol(args[3]));
  if (!strcmp(what, "ping")) return ping(args[2], args[3], atoi(args[4]));
  if (!strcmp(what, "pong")) return pong(args[3], args[2]);
  return 2;
}
