// Topics over FIFOs without any code of fifobus: docs/protocol.md in Go.
//
//	go run fifobus.go pub [-r] [-t SECONDS] TOPIC [MESSAGE]  or each line of its input
//	go run fifobus.go sub [-n COUNT] FILTER...              prints TOPIC, a tab, MESSAGE
//	go run fifobus.go ask [-n 1] [-t SECONDS] TOPIC MESSAGE  prints the answers
//	go run fifobus.go answer TOPIC COMMAND...               a request is its input
//
// The numbers in the comments are those of docs/protocol.md. Its messages end
// with a line feed; it also publishes to members whose messages end with NUL.
// It needs Go 1.18.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxBytes    = 1 << 20
	maxTagBytes = 131_072
	torn        = "\x18fifobus torn\x18"
	lost        = "\x18fifobus lost\x18"
)

var (
	wakeAtEnd = regexp.MustCompile(`(?s)\x16fifobus wake (.{8})\x16\z`)
	markAtEnd = regexp.MustCompile(`\x18fifobus (?:torn|lost|large ([0-9]{1,16}))\x18\z`)
	missedAll = regexp.MustCompile(`\A\x18fifobus missed ([0-9]{1,15}(?: .+)?)\x18\z`)

	errSlow = errors.New("it does not read")
	errDead = errors.New("nobody reads it")
	errLeft = errors.New("it has left")
)

// A Message is one that was received.
type Message struct {
	Topic   string
	Text    []byte
	ReplyTo string // empty unless it is a request
}

func (m Message) equals(other Message) bool {
	return m.Topic == other.Topic && bytes.Equal(m.Text, other.Text)
}

// pipeBuf is how much one write puts in whole, 2.2.
func pipeBuf() int {
	if runtime.GOOS == "linux" {
		return 4096
	}
	return 512
}

// checkTopic says whether a text is a topic, 6.1.
func checkTopic(topic string) error {
	switch {
	case topic == "" || len(topic) > 65_535 || !utf8.ValidString(topic):
		return fmt.Errorf("%.100q is not a topic: it is empty, too long or not UTF-8", topic)
	case strings.IndexFunc(topic, unicode.IsControl) >= 0:
		return fmt.Errorf("%.100q is not a topic: it holds a control character", topic)
	case strings.ContainsAny(topic, "+#") || strings.HasPrefix(topic, "$share/"):
		return fmt.Errorf("%.100q is a filter, not a topic", topic)
	}
	return nil
}

// matches tells whether a filter matches a topic, 6.2.
func matches(filter, topic string) bool {
	if topic[0] == '$' && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	wanted, levels := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, level := range wanted {
		if level == "#" {
			return true
		}
		if i >= len(levels) || level != "+" && level != levels[i] {
			return false
		}
	}
	return len(wanted) == len(levels)
}

// matchesAny tells whether one of several filters matches a topic.
func matchesAny(filters []string, topic string) bool {
	for _, filter := range filters {
		if matches(filter, topic) {
			return true
		}
	}
	return false
}

// encode makes a file name of a topic or a filter, 6.3.
func encode(text string) string {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		plain := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0
		if plain && !(c == '.' && i == 0) {
			name.WriteByte(c)
		} else {
			fmt.Fprintf(&name, "%%%02X", c)
		}
	}
	return name.String()
}

// decode returns the topic or filter of a file name, if it is one.
func decode(name string) (string, bool) {
	text, err := url.PathUnescape(name)
	isText := err == nil && text != "" && utf8.ValidString(text)
	return text, isText && strings.IndexFunc(text, unicode.IsControl) < 0
}

// isTrusted tells whether a file is this user's or root's.
func isTrusted(info os.FileInfo) bool {
	return owner(info) == os.Getuid() || owner(info) == 0
}

func owner(info os.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// openBus finds the folder of the bus, 5.1, makes it, and checks it, 5.2.
func openBus() (string, error) {
	path := os.Getenv("FIFOBUS_DIR")
	if path == "" {
		run := os.Getenv("XDG_RUNTIME_DIR")
		user := fmt.Sprintf("/run/user/%d", os.Getuid())
		info, err := os.Lstat(user)
		if run == "" && err == nil && info.IsDir() && owner(info) == os.Getuid() {
			run = user
		}
		path = fmt.Sprintf("/tmp/fifobus-%d", os.Getuid())
		if run != "" {
			path = run + "/fifobus"
			info, err := os.Stat(run)
			if _, missing := os.Lstat(path); missing != nil && err == nil && !isTrusted(info) {
				return "", fmt.Errorf("%s is the folder of another user", run)
			}
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(path)
	if err == nil && (!info.IsDir() || !isTrusted(info) || info.Mode()&0o022 != 0) {
		err = fmt.Errorf("%s is not a folder that only this user can write to", path)
	}
	return path, err
}

// members lists the members, 7.1: for each ID the names by their filters.
func members(bus string) (map[string]map[string]string, error) {
	entries, err := os.ReadDir(bus)
	found := map[string]map[string]string{}
	for _, entry := range entries {
		name := entry.Name()
		at := strings.IndexByte(name, '@')
		if at < 0 || entry.Type() != os.ModeNamedPipe {
			continue
		}
		filter, ok := decode(name[:at])
		if !ok {
			continue
		}
		member := name[at+1:]
		if strings.HasPrefix(member, "+") {
			member = name // a group has a FIFO for each filter
		}
		if found[member] == nil {
			found[member] = map[string]string{}
		}
		found[member][filter] = name
	}
	return found, err
}

// remove removes a FIFO that its owner has left, if that is allowed.
func remove(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeNamedPipe {
		os.Remove(path)
	}
}

// A link is a publisher's way to one member.
type link struct {
	bus, member string
	names       map[string]string
	timeout     time.Duration
	fd          int // -1: not open
	end         string
	isTorn      bool
	isStalled   bool
	missed      map[string]int
}

func newLink(bus, member string, timeout time.Duration) *link {
	end := "\n"
	if strings.HasSuffix(member, "@0") {
		end = "\x00"
	}
	return &link{bus: bus, member: member, timeout: timeout, fd: -1, end: end, missed: map[string]int{}}
}

// send writes a record, and tells whether it could.
func (l *link) send(topic string, record []byte) bool {
	err := errors.New("it takes no message that holds its delimiter")
	if !bytes.Contains(record, []byte(l.end)) {
		if err = l.tellMissed(); err == nil {
			err = l.put(append(record[:len(record):len(record)], l.end...))
		}
		l.isStalled = err == errSlow
	}
	switch err {
	case nil:
		return true
	case errDead:
		for _, name := range l.names {
			remove(l.bus + "/" + name)
		}
		remove(l.bus + "/." + strings.TrimSuffix(l.member, "@0"))
	case errLeft:
	default:
		// Of 16 topics it counts how many the member missed, 8.5.
		if l.missed[topic] == 0 && len(l.missed) >= 16 || len(topic) > 1000 {
			topic = ""
		}
		l.missed[topic]++
		log.Printf("1 message dropped for %s: %v", l.member, err)
	}
	return false
}

func (l *link) tellMissed() error {
	for topic, count := range l.missed {
		what := strconv.Itoa(count)
		if topic != "" {
			what += " " + topic
		}
		if err := l.put([]byte("\x18fifobus missed " + what + "\x18" + l.end)); err != nil {
			return err
		}
		delete(l.missed, topic)
	}
	return nil
}

// put writes a record with its delimiter whole, or not at all.
func (l *link) put(record []byte) error {
	for {
		if err := l.open(); err != nil {
			return err
		}
		err := l.putLocked(record)
		if err != syscall.EPIPE {
			return err
		}
		l.close() // open() tells whether it is dead or has left
	}
}

func (l *link) open() error {
	if l.fd >= 0 {
		return nil
	}
	for _, name := range l.names {
		flags := syscall.O_WRONLY | syscall.O_NONBLOCK | syscall.O_NOFOLLOW | syscall.O_CLOEXEC
		fd, err := syscall.Open(l.bus+"/"+name, flags, 0)
		if err == syscall.ENXIO {
			return errDead
		}
		var info syscall.Stat_t
		if err != nil || syscall.Fstat(fd, &info) != nil {
			continue
		}
		isFifo := info.Mode&syscall.S_IFMT == syscall.S_IFIFO
		if isFifo && (int(info.Uid) == os.Getuid() || info.Uid == 0) {
			l.fd = fd
			return nil
		}
		syscall.Close(fd)
	}
	return errLeft
}

func (l *link) putLocked(record []byte) (err error) {
	isLarge := len(record) > pipeBuf()
	kind, size := syscall.LOCK_SH, pipeBuf() // 2.3
	if isLarge {
		kind, size = syscall.LOCK_EX, pipeBuf()-16 // 8.3
	}
	queue, head, err := l.lock(kind)
	if err != nil {
		return err
	}
	defer func() {
		l.endTorn()
		syscall.Flock(l.fd, syscall.LOCK_UN)
		if queue != nil {
			queue.Close()
		}
	}()
	// What must be in the FIFO before this record.
	wasKilled := queue != nil && head[16] == 'P'
	if wasKilled {
		if err := l.write([]byte(lost + l.end)); err != nil {
			return err
		}
	}
	if l.isTorn {
		if err := l.write([]byte(torn + l.end)); err != nil {
			return err
		}
		l.isTorn = false
	}
	if isLarge && queue != nil {
		count, _ := strconv.Atoi(string(head[17:19]))
		queue.WriteAt([]byte(fmt.Sprintf("P%02d", count%99+1)), 16)
	} else if isLarge {
		large := fmt.Sprintf("\x18fifobus large %d\x18%s", len(record)-1, l.end)
		if err := l.write([]byte(large)); err != nil {
			return err
		}
	}
	l.isTorn = isLarge
	for len(record) > 0 {
		piece := record
		if len(piece) > size {
			piece = piece[:size]
		}
		if err := l.write(piece); err != nil {
			return err
		}
		record = record[len(piece):]
	}
	l.isTorn = false
	if queue != nil && (isLarge || wasKilled) {
		queue.WriteAt([]byte("-"), 16)
	}
	return nil
}

// lock takes the lock of the FIFO. In a group it also opens the queue file, if
// there is one, 4.6, and lets a reader leave first, 4.7.
func (l *link) lock(kind int) (queue *os.File, head []byte, err error) {
	giveUpAt := time.Now().Add(10 * time.Second)
	for {
		err = l.wait(func() error { return syscall.Flock(l.fd, kind|syscall.LOCK_NB) })
		if err != nil || !strings.Contains(l.member, "@+") {
			return nil, nil, err
		}
		flags := os.O_RDWR | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
		queue, err = os.OpenFile(l.bus+"/."+l.member+".queue", flags, 0)
		if err != nil {
			return nil, nil, nil
		}
		info, err := queue.Stat()
		head = make([]byte, 53)
		count, _ := queue.ReadAt(head, 0)
		isQueue := count == len(head) && bytes.HasPrefix(head, []byte("fifobus queue 1\n"))
		if err != nil || !info.Mode().IsRegular() || !isTrusted(info) || !isQueue {
			queue.Close()
			return nil, nil, nil
		}
		if head[19] != 'L' || time.Now().After(giveUpAt) {
			return queue, head, nil
		}
		if syscall.Flock(int(queue.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
			queue.WriteAt([]byte("-"), 19) // the reader was killed
		}
		queue.Close()
		syscall.Flock(l.fd, syscall.LOCK_UN)
		time.Sleep(time.Millisecond)
	}
}

// write writes at most PIPE_BUF bytes: all or none of them, 2.5.
func (l *link) write(piece []byte) error {
	return l.wait(func() error {
		_, err := syscall.Write(l.fd, piece)
		return err
	})
}

// wait repeats what the system cannot do now.
func (l *link) wait(action func() error) error {
	deadline := time.Now().Add(l.timeout)
	for {
		err := action()
		if err == syscall.EINTR {
			continue
		}
		if err != syscall.EAGAIN {
			return err
		}
		if l.isStalled || time.Now().After(deadline) {
			return errSlow
		}
		time.Sleep(time.Millisecond)
	}
}

// endTorn ends what could not be completed, if there is room, 8.4.
func (l *link) endTorn() {
	if l.isTorn {
		_, err := syscall.Write(l.fd, []byte(torn+l.end))
		l.isTorn = err != nil
	}
}

func (l *link) close() {
	if l.fd >= 0 {
		l.endTorn()
		syscall.Close(l.fd)
	}
	l.fd, l.isTorn = -1, false
}

// A Publisher publishes to topics; it keeps its FIFOs open between messages.
type Publisher struct {
	bus     string
	timeout time.Duration
	links   map[string]*link
}

// NewPublisher opens the bus. A slow member is waited for that long.
func NewPublisher(timeout time.Duration) (*Publisher, error) {
	bus, err := openBus()
	return &Publisher{bus, timeout, map[string]*link{}}, err
}

// How says what else there is to a message.
type How struct {
	Retain  bool
	ReplyTo string
}

// Publish sends a message to all members that want it, and counts them.
func (p *Publisher) Publish(topic string, text []byte, how How) (int, error) {
	if err := checkTopic(topic); err != nil {
		return 0, err
	}
	if bytes.IndexByte(text, '\n') >= 0 || wakeAtEnd.Match(text) || markAtEnd.Match(text) {
		return 0, errors.New("the message holds a line feed, or ends with a mark")
	}
	if how.Retain {
		if err := p.retain(topic, text); err != nil {
			return 0, err
		}
	}
	tag := topic
	if how.ReplyTo != "" {
		tag += "\x1f" + how.ReplyTo
	}
	record := append([]byte(tag+"\t"), text...)
	links, err := p.find(topic)
	var sending sync.WaitGroup
	sent := make([]bool, len(links))
	for i, l := range links {
		sending.Add(1)
		go func(i int, l *link) {
			defer sending.Done()
			sent[i] = l.send(topic, record)
		}(i, l)
	}
	sending.Wait()
	count := 0
	for _, is := range sent {
		if is {
			count++
		}
	}
	return count, err
}

// find lists the folder, 8.1, and returns the links to those that match.
func (p *Publisher) find(topic string) (found []*link, err error) {
	there, err := members(p.bus)
	for member, l := range p.links {
		if there[member] == nil {
			l.close()
			delete(p.links, member)
		}
	}
	for member, names := range there {
		for filter := range names {
			if !matches(filter, topic) {
				continue
			}
			if p.links[member] == nil {
				p.links[member] = newLink(p.bus, member, p.timeout)
			}
			p.links[member].names = names
			found = append(found, p.links[member])
			break
		}
	}
	return found, err
}

// retain keeps the last value of a topic, or removes it, section 9.
func (p *Publisher) retain(topic string, text []byte) error {
	folder := p.bus + "/retained"
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	path := folder + "/" + encode(topic)
	if len(text) == 0 {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	aside := folder + "/@" + random()
	if err := os.WriteFile(aside, text, 0o600); err != nil {
		return err
	}
	return os.Rename(aside, path)
}

// Close tells members what they missed, if they read by now.
func (p *Publisher) Close() {
	for _, l := range p.links {
		l.isStalled = true
		l.tellMissed()
		l.close()
	}
}

// A Subscriber is one member of the bus, however many filters it has.
type Subscriber struct {
	// Messages gets the last values, and then messages. It has to be read to its
	// end, which comes after Close.
	Messages <-chan Message
	filters  []string
	hidden   string
	names    []string
	file     *os.File
	start    string // wake marks of its own, 3.2
	stop     string
	over     chan struct{}
	closing  sync.Once
}

// Subscribe joins the bus.
func Subscribe(filters []string, lastValues bool) (s *Subscriber, err error) {
	bus, err := openBus()
	if err != nil {
		return nil, err
	}
	member := fmt.Sprintf("%d-%s", os.Getpid(), random())
	messages := make(chan Message, 100)
	s = &Subscriber{Messages: messages, filters: filters, hidden: bus + "/." + member,
		start: random()[:8], stop: random()[:8], over: make(chan struct{})}
	// A name that can be seen has a reader: it is opened first, 7.3.
	if err = syscall.Mkfifo(s.hidden, 0o600); err != nil {
		return nil, err
	}
	for _, filter := range filters {
		s.names = append(s.names, bus+"/"+encode(filter)+"@"+member)
	}
	if s.file, err = os.OpenFile(s.hidden, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
		err = s.mend()
	}
	if err != nil {
		s.removeNames()
		return nil, err
	}
	var values []Message
	if lastValues {
		values = s.lastValues(bus) // read now that the names are there, 9.3
	}
	go s.wake(s.start)
	go s.read(values, messages)
	go s.watch()
	return s, nil
}

// mend makes names that are not there, at first or because a cleaner came, 7.6.
func (s *Subscriber) mend() error {
	for _, name := range s.names {
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := os.Link(s.hidden, name); err != nil {
			return err
		}
		one, _ := os.Lstat(name)
		other, err := s.file.Stat()
		if err != nil || one == nil || !os.SameFile(one, other) {
			return errors.New("the bus is on a file system without hard links to FIFOs")
		}
	}
	return nil
}

func (s *Subscriber) watch() {
	for {
		select {
		case <-s.over:
			return
		case <-time.After(time.Second):
			if err := s.mend(); err != nil {
				log.Print(err)
				s.Close()
			}
		}
	}
}

func (s *Subscriber) lastValues(bus string) (values []Message) {
	entries, _ := os.ReadDir(bus + "/retained") // sorted; none if it is not there
	for _, entry := range entries {
		topic, ok := decode(entry.Name())
		if entry.Name()[0] == '@' || !ok || !matchesAny(s.filters, topic) {
			continue
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxBytes {
			continue
		}
		text, err := os.ReadFile(filepath.Join(bus, "retained", entry.Name()))
		if err == nil && bytes.IndexByte(text, '\n') < 0 && checkTopic(topic) == nil {
			values = append(values, Message{Topic: topic, Text: text})
		}
	}
	return values
}

// wake writes a mark behind all that is in the FIFO now.
func (s *Subscriber) wake(token string) {
	s.file.WriteString("\x16fifobus wake " + token + "\x16\n")
}

// read splits what comes into records, section 3, until Close.
func (s *Subscriber) read(values []Message, messages chan<- Message) {
	defer s.file.Close()
	defer close(messages)
	// A buffer that is full before a record has its end: the record is too long.
	reader := bufio.NewReaderSize(s.file, maxBytes+maxTagBytes+64)
	var part []byte // of a record in which a wake mark stands
	var waiting []Message
	announced, isStarting, isTooLong := -1, true, false
	for {
		record, err := reader.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			isTooLong = true
			continue
		} else if err != nil {
			return
		}
		record = record[:len(record)-1]
		if wake := wakeAtEnd.FindSubmatchIndex(record); wake != nil {
			if part = append(part, record[:wake[0]]...); len(part) > maxBytes+maxTagBytes {
				isTooLong, part = true, nil
			}
			switch token := string(record[wake[2]:wake[3]]); {
			case token == s.stop:
				return
			case token == s.start && isStarting:
				// A value that was published meanwhile is a message, too.
				isStarting = false
				for _, value := range values {
					isNew := true
					for _, message := range waiting {
						isNew = isNew && !message.equals(value)
					}
					if isNew {
						messages <- value
					}
				}
				for _, message := range waiting {
					messages <- message
				}
			}
			continue
		}
		record, part = append(part, record...), nil
		mark, size := markAtEnd.FindSubmatchIndex(record), announced
		announced = -1
		if mark != nil && mark[2] >= 0 {
			announced, _ = strconv.Atoi(string(record[mark[2]:mark[3]]))
		}
		switch {
		case isTooLong:
			log.Print("a message was dropped: it is too long")
		case mark != nil:
			if mark[0] > 0 && string(record[mark[0]:]) != torn {
				log.Print("a message was lost: its publisher was killed")
			}
		case size >= 0 && size != len(record):
			log.Print("a message was lost: its publisher was killed")
		default:
			if message, ok := s.parse(record); ok && isStarting {
				waiting = append(waiting, message)
			} else if ok {
				messages <- message
			}
		}
		isTooLong = false
	}
}

// parse makes a message of a record, if it is one, 7.5.
func (s *Subscriber) parse(record []byte) (message Message, ok bool) {
	tab := bytes.IndexByte(record, '\t')
	if tab < 0 {
		if missed := missedAll.FindSubmatch(record); missed != nil {
			log.Printf("missed %s", strings.Replace(string(missed[1]), " ", " of ", 1))
		}
		return message, false
	}
	topics := strings.SplitN(string(record[:tab]), "\x1f", 2)
	for _, topic := range topics {
		if checkTopic(topic) != nil {
			return message, false
		}
	}
	message = Message{Topic: topics[0], Text: append([]byte{}, record[tab+1:]...)}
	if len(topics) == 2 {
		message.ReplyTo = topics[1]
	}
	return message, matchesAny(s.filters, message.Topic)
}

func (s *Subscriber) removeNames() {
	for _, path := range append(s.names, s.hidden) {
		remove(path)
	}
}

// Close leaves the bus; Messages ends behind what has come before, 7.7.
func (s *Subscriber) Close() {
	s.closing.Do(func() {
		close(s.over)
		s.removeNames()
		go s.wake(s.stop)
	})
}

func random() string {
	bits := make([]byte, 16)
	if _, err := rand.Read(bits); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", bits)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("fifobus.go: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: pub | sub | ask | answer, see the head of the file")
	}
	options := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	retain := options.Bool("r", false, "keep the message as the last value")
	count := options.Int("n", 0, "how many messages, or answers; 0: no limit, for ask 1")
	wait := options.Float64("t", 0, "seconds to wait: pub for a slow subscriber [1], ask for answers [5]")
	options.Parse(os.Args[2:])
	var err error
	switch args := options.Args(); {
	case os.Args[1] == "pub" && (len(args) == 1 || len(args) == 2):
		err = pub(*retain, seconds(*wait, 1), args[0], args[1:])
	case os.Args[1] == "sub" && len(args) > 0:
		err = sub(*count, args)
	case os.Args[1] == "ask" && len(args) == 2:
		err = ask(*count, seconds(*wait, 5), args[0], args[1])
	case os.Args[1] == "answer" && len(args) > 1:
		err = answer(args[0], args[1:])
	default:
		options.Usage()
		os.Exit(2)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func seconds(given, otherwise float64) time.Duration {
	if given == 0 {
		given = otherwise
	}
	return time.Duration(given * float64(time.Second))
}

func pub(retain bool, timeout time.Duration, topic string, message []string) error {
	publisher, err := NewPublisher(timeout)
	if err != nil {
		return err
	}
	defer publisher.Close()
	if len(message) > 0 {
		_, err = publisher.Publish(topic, []byte(message[0]), How{Retain: retain})
		return err
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && len(line) == 0 {
			return nil
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		if _, err := publisher.Publish(topic, line, How{Retain: retain}); err != nil {
			return err
		}
	}
}

// subscribe subscribes until a signal ends the program.
func subscribe(filters []string, lastValues bool) (*Subscriber, error) {
	subscriber, err := Subscribe(filters, lastValues)
	if err == nil {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
		go func() {
			<-signals
			subscriber.Close()
		}()
	}
	return subscriber, err
}

func sub(limit int, filters []string) error {
	subscriber, err := subscribe(filters, true)
	if err != nil {
		return err
	}
	defer subscriber.Close()
	count := 0
	for message := range subscriber.Messages {
		fmt.Printf("%s\t%s\n", message.Topic, message.Text)
		if count++; count == limit {
			break
		}
	}
	return nil
}

func ask(limit int, timeout time.Duration, topic, message string) error {
	// Subscribed to before it is asked; no guess finds it, and no # matches it.
	reply := "$reply/" + random()
	subscriber, err := subscribe([]string{reply}, false)
	if err != nil {
		return err
	}
	defer subscriber.Close()
	publisher, err := NewPublisher(timeout)
	if err != nil {
		return err
	}
	defer publisher.Close()
	asked, err := publisher.Publish(topic, []byte(message), How{ReplyTo: reply})
	if err == nil && asked == 0 {
		err = errors.New("nobody subscribes to it")
	}
	if limit == 0 {
		limit = 1
	}
	over := time.After(timeout)
	for count := 0; err == nil; {
		select {
		case answer, ok := <-subscriber.Messages:
			if !ok {
				return nil
			}
			fmt.Printf("%s\n", answer.Text)
			if count++; count == limit {
				return nil
			}
		case <-over:
			if count == 0 {
				return errors.New("no answer")
			}
			return nil
		}
	}
	return err
}

func answer(topic string, command []string) error {
	subscriber, err := subscribe([]string{topic}, false)
	if err != nil {
		return err
	}
	defer subscriber.Close()
	publisher, err := NewPublisher(time.Second)
	if err != nil {
		return err
	}
	defer publisher.Close()
	for message := range subscriber.Messages {
		if message.ReplyTo == "" {
			continue
		}
		run := exec.Command(command[0], command[1:]...)
		run.Stdin, run.Stderr = bytes.NewReader(message.Text), os.Stderr
		output, err := run.Output()
		if err == nil {
			text := bytes.TrimSuffix(output, []byte("\n"))
			_, err = publisher.Publish(message.ReplyTo, text, How{})
		}
		if err != nil {
			log.Printf("no answer: %v", err)
		}
	}
	return nil
}
