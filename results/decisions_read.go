package results

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/vtime"
)

// DecisionsError says where in a file of decisions what is wrong.
type DecisionsError struct {
	Offset int64 // in bytes from the beginning
	What   string
}

func (e *DecisionsError) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.What) }

// mostHead bounds the head: ten thousand times that of a shipped scenario.
const mostHead = 64 << 20

// DecisionsReader reads a file of decisions, record by record. It trusts
// nothing: what it returns is what the head can name.
type DecisionsReader struct {
	// Head says what the numbers of the decisions mean.
	Head DecisionsHead

	in      *bufio.Reader
	offset  int64 // of what is read next
	sum     uint32
	records uint64
	clients int64
	group   int // of the last record
	last    [DecisionBytes]byte
	ended   bool
}

// NewDecisionsReader reads the head. What is wrong with the file is a
// *DecisionsError, here and later; other errors are those of r.
func NewDecisionsReader(r io.Reader) (*DecisionsReader, error) {
	d := &DecisionsReader{in: bufio.NewReaderSize(r, 1<<18)}
	var prefix [prefixBytes]byte
	n, err := io.ReadFull(d.in, prefix[:])
	if n < len(decisionsMagic) || string(prefix[:len(decisionsMagic)]) != decisionsMagic {
		if err != nil && !atEnd(err) {
			return nil, err
		}
		return nil, d.wrong(0, "this is no file of decisions (relaysim run --decisions writes one)")
	}
	if err != nil {
		return nil, d.cut(err, int64(n))
	}
	format, size := binary.LittleEndian.Uint32(prefix[8:]), binary.LittleEndian.Uint32(prefix[12:])
	if format != DecisionsFormat {
		return nil, d.wrong(8, "format %d is not known (this program reads %d)", format, DecisionsFormat)
	}
	if size > mostHead {
		return nil, d.wrong(12, "a head of %d bytes is more than the %d that are accepted", size, mostHead)
	}
	d.take(prefix[:])
	head, err := io.ReadAll(io.LimitReader(d.in, int64(size)))
	if err == nil && len(head) < int(size) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, d.cut(err, int64(len(head)))
	}
	if err := d.readHead(head); err != nil {
		return nil, d.wrong(d.offset, "the head: %v", err)
	}
	d.take(head)
	return d, nil
}

// readHead takes the head and checks what the records are held to.
func (d *DecisionsReader) readHead(text []byte) error {
	h := &d.Head
	if err := json.Unmarshal(text, h); err != nil {
		return err
	}
	if h.RecordBytes != DecisionBytes {
		return fmt.Errorf("records of %d bytes are not known (this program reads %d)", h.RecordBytes, DecisionBytes)
	}
	if d.clients = h.clients(); d.clients == 0 {
		return errors.New("the groups have no clients, or do not follow one another")
	}
	const century = 100 * 366 * 24 * 3600 * 1e9
	if h.Replications < 1 || h.Duration < 0 || h.Duration > century || h.StartOfWeek < 0 || h.StartOfWeek > century {
		return errors.New("replications, duration_ns or start_of_week_ns is out of range")
	}
	return nil
}

// Read returns the next decision in dst, or io.EOF after the last one of a
// file that is whole.
func (d *DecisionsReader) Read(dst *Decision) error {
	if d.ended {
		return io.EOF
	}
	var b [DecisionBytes]byte
	if n, err := io.ReadFull(d.in, b[:]); err != nil {
		return d.cut(err, int64(n))
	}
	if binary.LittleEndian.Uint32(b[:]) == noClient {
		return d.end(&b)
	}
	if what := d.decode(dst, &b); what != "" {
		return d.wrong(d.offset, "%s", what)
	}
	d.take(b[:])
	d.records++
	d.last = b
	return nil
}

// decode takes a record apart and says what is wrong with it, "" for nothing.
func (d *DecisionsReader) decode(dst *Decision, b *[DecisionBytes]byte) string {
	h, le := &d.Head, binary.LittleEndian
	client, replication := le.Uint32(b[0:]), le.Uint32(b[4:])
	started, ended := le.Uint64(b[8:]), le.Uint64(b[16:])
	parent, policy, place := le.Uint32(b[32:]), le.Uint16(b[36:]), le.Uint16(b[38:])
	kind, trigger, by := b[44], b[45], b[46]
	switch {
	case int64(client) >= d.clients:
		return fmt.Sprintf("client %d is not one of %d", client, d.clients)
	case replication == 0 || int64(replication) > int64(h.Replications):
		return fmt.Sprintf("replication %d is outside [1, %d]", replication, h.Replications)
	case started > ended || ended > math.MaxInt64:
		return fmt.Sprintf("a selection from %d to %d ns", started, ended)
	case started > uint64(h.Duration):
		return fmt.Sprintf("a selection at %d ns of a run of %d", started, h.Duration)
	case parent != noParent && int64(parent) >= int64(len(h.Relays)):
		return fmt.Sprintf("parent %d is not one of %d relays", parent, len(h.Relays))
	case int(policy) >= len(h.Policies):
		return fmt.Sprintf("policy %d is not one of %d", policy, len(h.Policies))
	case int(place) >= len(h.Places):
		return fmt.Sprintf("place %d is not one of %d", place, len(h.Places))
	case int(kind) >= len(h.Kinds), int(trigger) >= len(h.Triggers), int(by) >= len(h.By):
		return fmt.Sprintf("kind %d, trigger %d or by %d is not known", kind, trigger, by)
	case b[47] != 0:
		return fmt.Sprintf("%d where a record has 0", b[47])
	case d.records > 0 && !after(b, &d.last):
		return "the record does not come after the one before it"
	}
	group := d.groupOf(int(client))
	*dst = Decision{
		Policy: int(policy), Place: int(place), Group: group, Parent: -1, Replication: int(replication),
		Number: int(client) - h.Groups[group].First, Started: vtime.Instant(started), Ended: vtime.Instant(ended),
		Kind: h.Kinds[kind], Trigger: h.Triggers[trigger], By: h.By[by],
		DistanceMax: int(int16(le.Uint16(b[40:]))), Candidates: int(le.Uint16(b[42:])),
		Rounds: le.Uint32(b[24:]), Probes: le.Uint32(b[28:]),
	}
	if parent != noParent {
		dst.Parent = int(parent)
	}
	return ""
}

// after tells whether a record comes after another: by replication, policy,
// client and start.
func after(b, last *[DecisionBytes]byte) bool {
	le := binary.LittleEndian
	switch {
	case le.Uint32(b[4:]) != le.Uint32(last[4:]):
		return le.Uint32(b[4:]) > le.Uint32(last[4:])
	case le.Uint16(b[36:]) != le.Uint16(last[36:]):
		return le.Uint16(b[36:]) > le.Uint16(last[36:])
	case le.Uint32(b[0:]) != le.Uint32(last[0:]):
		return le.Uint32(b[0:]) > le.Uint32(last[0:])
	}
	return le.Uint64(b[8:]) > le.Uint64(last[8:])
}

// groupOf is the group of a client. Mostly that of the one before.
func (d *DecisionsReader) groupOf(client int) int {
	if g := &d.Head.Groups[d.group]; client < g.First || client >= g.First+g.Count {
		d.group, _ = slices.BinarySearchFunc(d.Head.Groups, client, func(g DecisionsGroup, client int) int {
			switch {
			case client < g.First:
				return 1
			case client >= g.First+g.Count:
				return -1
			}
			return 0
		})
	}
	return d.group
}

// end checks what stands after the last record.
func (d *DecisionsReader) end(b *[DecisionBytes]byte) error {
	want := appendEnd(nil, d.records, d.sum)
	switch {
	case binary.LittleEndian.Uint64(b[8:]) != d.records:
		return d.wrong(d.offset+8, "the end counts %d selections, the file has %d", binary.LittleEndian.Uint64(b[8:]), d.records)
	case !bytes.Equal(b[:], want):
		return d.wrong(d.offset, "the checksum does not agree: the file was changed or damaged")
	}
	if _, err := d.in.ReadByte(); err == nil {
		return d.wrong(d.offset+DecisionBytes, "something follows the end")
	} else if !atEnd(err) {
		return err
	}
	d.ended = true
	return io.EOF
}

// take accounts for bytes that were read and are good.
func (d *DecisionsReader) take(b []byte) {
	d.sum = crc32.Update(d.sum, castagnoli, b)
	d.offset += int64(len(b))
}

func (d *DecisionsReader) wrong(offset int64, format string, args ...any) error {
	what := strings.ToValidUTF8(fmt.Sprintf(format, args...), "?")
	return &DecisionsError{Offset: offset, What: what}
}

// cut is the error of a file that ends after n further bytes.
func (d *DecisionsReader) cut(err error, n int64) error {
	if !atEnd(err) {
		return err
	}
	return d.wrong(d.offset+n, "the file ends here, in the middle: it was cut off")
}

func atEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
