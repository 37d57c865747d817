// Prints messages until it hears "exit": go run subscriber.go /tmp/mypipe
package main

import (
	"bufio"
	"log"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: subscriber PIPE")
	}
	path := os.Args[1]
	if err := syscall.Mkfifo(path, 0o600); err != nil && err != syscall.EEXIST {
		log.Fatal(err)
	}
	// For reading and writing: it never waits for a publisher, and never sees
	// the end of the file when one leaves, so nothing is lost until the next.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	messages := bufio.NewReader(pipe)
	for {
		message, err := messages.ReadString('\n')
		if err != nil {
			log.Fatal(err)
		}
		if message == "exit\n" {
			return
		}
		// EPIPE on standard output: Go ends the program by SIGPIPE.
		os.Stdout.WriteString(message)
	}
}
