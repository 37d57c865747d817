// Publishes each line of standard input: go run publisher.go /tmp/mypipe
package main

import (
	"bufio"
	"errors"
	"log"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: publisher PIPE")
	}
	// Waits for a reader. The pipe stays open between messages.
	pipe := must(os.OpenFile(os.Args[1], os.O_WRONLY, 0))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		// The message and its line feed in one write(2): up to 4096 bytes no
		// other publisher can get in between.
		message := lines.Text() + "\n"
		_, err := pipe.WriteString(message)
		for errors.Is(err, syscall.EPIPE) {
			// The reader has left, and the message waits for the next one.
			pipe.Close()
			pipe = must(os.OpenFile(os.Args[1], os.O_WRONLY, 0))
			_, err = pipe.WriteString(message)
		}
		must(pipe, err)
	}
	must(lines, lines.Err())
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
