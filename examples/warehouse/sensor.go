// A thermometer: prints a temperature in °C, again and again.
//
//	sensor BASE SECONDS [COUNT] | pub -l warehouse/a1/temperature
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: sensor BASE SECONDS [COUNT]")
		os.Exit(2)
	}
	base, _ := strconv.ParseFloat(os.Args[1], 64)
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	count := -1
	if len(os.Args) > 3 {
		count, _ = strconv.Atoi(os.Args[3])
	}
	celsius := base
	for i := 0; i != count; i++ {
		celsius += (base-celsius)/10 + (rand.Float64()-0.5)/2
		fmt.Printf("%.1f\n", celsius)
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	}
}
