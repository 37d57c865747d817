// The publisher of the textbooks, which loses messages: see docs/textbook.md.
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	path := "/tmp/mypipe"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	input := bufio.NewScanner(os.Stdin)
	for {
		fmt.Print("Enter message to send: ")
		if !input.Scan() {
			return
		}
		pipe, err := os.OpenFile(path, os.O_WRONLY, os.ModeNamedPipe)
		if err == nil {
			_, err = fmt.Fprintln(pipe, input.Text())
			pipe.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
		}
	}
}
