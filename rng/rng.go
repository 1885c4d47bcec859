// Package rng is the keyed random field: every draw of the model is a pure
// function of (seed, replication, entity, purpose, n). Nothing is consumed, so
// a draw more or less, earlier or later, moves no other draw; lazy and eager
// evaluation agree, and two policies can be compared under the same weather
// (common random numbers).
//
// The generator is splitmix64's: its finaliser over the sum of the key, a multiple
// of the purpose and a multiple of the counter. So a key is a place in the
// sequence from which the draws of one purpose go on in steps of one odd
// constant. Keys are draws themselves, near to each other only by chance.
package rng

import "math/bits"

// Key names an entity in the field. Keys are made by Seed and Child and are
// opaque otherwise.
type Key uint64

// Seed returns the root key of a run.
func Seed(seed uint64) Key { return Key(mix(seed ^ 0x6a09e667f3bcc908)) }

// Child returns the key of the entity id below k, for one purpose. Distinct
// (purpose, id) pairs give unrelated keys.
func (k Key) Child(p Purpose, id uint64) Key { return Key(k.Draw(p, id)) }

// Draw returns 64 random bits for the n-th draw of one purpose of the entity
// k. It is a pure function.
func (k Key) Draw(p Purpose, n uint64) uint64 { return mix(uint64(k.Stream(p)) + uint64(NthOf(n))) }

// Answer returns the key of what answers the packet with the key k.
func (k Key) Answer() Key { return Key(mix(uint64(k) + 0x3c9a750bb37f610f)) }

// Toward returns a place on the way to children, for one purpose and id. It is no
// draw itself, which spares one: only its children may be used. It is off k by other
// steps than Streams are, so that its children meet the draws of k by chance only.
func (k Key) Toward(p Purpose, id uint64) Key {
	return Key(uint64(k) + (uint64(p)+1)*0xbb67ae8584caa73b + id*0xa54ff53a5f1d36f1)
}

// Stream is the draws of one purpose of one entity: the part of a draw that many
// of them share. Streams of one key have no draw in common for purposes below 64
// and counters below 2^57, instants of two years in nanoseconds among them.
type Stream uint64

// Stream returns the draws of one purpose of the entity k.
func (k Key) Stream(p Purpose) Stream {
	return Stream(uint64(k) + (uint64(p)+1)*0x9e3779b97f4a7c15)
}

// Draw returns the n-th draw, the same as Key.Draw.
func (s Stream) Draw(n uint64) uint64 { return s.At(NthOf(n)) }

// Nth is a counter as draws use it, to be kept where it is used often.
type Nth uint64

// NthOf returns the counter n.
func NthOf(n uint64) Nth { return Nth(n * 0xd1342543de82ef95) }

// At returns the draw of a counter: s.At(NthOf(n)) is s.Draw(n).
func (s Stream) At(n Nth) uint64 { return mix(uint64(s) + uint64(n)) }

// mix is the splitmix64 finaliser (Stafford's variant 13).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}

// Hash returns the identity of an entity from its stable id (FNV-1a, then
// finalised). Equal strings hash alike on every machine and in every version.
func Hash(id string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(id); i++ {
		h ^= uint64(id[i])
		h *= 0x100000001b3
	}
	return mix(h)
}

// Below maps 64 random bits to [0, n) by multiplication. The bias is below
// n/2^64. n = 0 gives 0.
func Below(b, n uint64) uint64 {
	hi, _ := bits.Mul64(b, n)
	return hi
}

// Chance is a probability as an integer: the number of 64-bit words below
// which the event happens, with 2^64-1 standing for certainty.
type Chance uint64

// Never and Always are the two certain chances.
const (
	Never  Chance = 0
	Always Chance = 1<<64 - 1
)

// ChanceOf converts a fraction in [0, 1]; values outside are clamped.
func ChanceOf(p float64) Chance {
	switch {
	case !(p > 0):
		return Never
	case p >= 1:
		return Always
	}
	// p*2^64 is exact (a change of exponent), so all machines agree.
	return Chance(p * 18446744073709551616.0)
}

// Happens tells whether the event of chance c happens under the word b.
func (c Chance) Happens(b uint64) bool { return c == Always || b < uint64(c) }

// Or returns the chance that at least one of two independent events happens.
func (c Chance) Or(d Chance) Chance {
	if c == Always || d == Always {
		return Always
	}
	// 1-(1-c)(1-d) = c + d - c*d, in 64-bit fixed point. Rounding may carry
	// the sum to 1.
	hi, _ := bits.Mul64(uint64(c), uint64(d))
	sum, carry := bits.Add64(uint64(c), uint64(d)-hi, 0)
	if carry != 0 {
		return Always
	}
	return Chance(sum)
}

// Float returns the chance as a fraction, for reports only.
func (c Chance) Float() float64 {
	if c == Always {
		return 1
	}
	return float64(c) / 18446744073709551616.0
}
