// Asks for messages and publishes each to a named pipe.
//
//	go run publisher.go /tmp/mypipe
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: publisher PIPE")
		os.Exit(2)
	}
	// Waits for a reader. Kept open: closing it after each message is what
	// makes a reader see the end of the file and miss the next one.
	pipe, err := os.OpenFile(os.Args[1], os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "publisher:", err)
		os.Exit(1)
	}
	defer pipe.Close()
	input := bufio.NewScanner(os.Stdin)
	for prompt(); input.Scan(); prompt() {
		// The message and its line feed in one write(2): up to 4096 bytes
		// no other publisher can get in between.
		if _, err := pipe.WriteString(input.Text() + "\n"); err != nil {
			// EPIPE: the reader has gone. The message is not in the pipe.
			fmt.Fprintln(os.Stderr, "publisher:", err)
			os.Exit(1)
		}
	}
	fmt.Fprintln(os.Stderr)
}

func prompt() { fmt.Fprint(os.Stderr, "Enter message to send: ") }
