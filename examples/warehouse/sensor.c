/* A thermometer: prints a temperature in degrees Celsius, again and again.
 *
 *     sensor BASE SECONDS [COUNT] | pub -l warehouse/a6/temperature
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    if (argc < 3) return fputs("usage: sensor BASE SECONDS [COUNT]\n", stderr), 2;
    double base = atof(argv[1]), celsius = base, seconds = atof(argv[2]);
    long left = argc > 3 ? atol(argv[3]) : -1;
    struct timespec pause = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    srand((unsigned)time(NULL));
    for (; left != 0; left--) {
        celsius += (base - celsius) / 10 + (rand() / (double)RAND_MAX - 0.5) / 2;
        printf("%.1f\n", celsius);
        fflush(stdout); /* To a pipe nothing is printed before. */
        nanosleep(&pause, NULL);
    }
    return 0;
}
