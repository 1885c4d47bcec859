package lab

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// Measure builds the lab of a scene, compares fates for TTLs from 1 to maxTTL
// and the choices, and takes the lab away again.
func Measure(ctx context.Context, s *Scene, maxTTL int) (r *Report, err error) {
	began := time.Now()
	r = &Report{LeftOut: s.LeftOut, Nodes: len(s.Plan.Nodes)}
	r.AddUnrouted(s.Design, s.Plan)
	m, err := NewModel(s.Design)
	if err != nil {
		return r, err
	}
	l, err := Up(ctx, s.Plan)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.Down()) }()
	rows, err := Compare(ctx, l, m, s.Plan.Probes(maxTTL, topology.EchoRequest, topology.TCP, topology.UDP))
	if err != nil {
		return r, err
	}
	r.AddRows(s.Design, rows)
	err = chooseAll(ctx, s, l, r)
	r.Seconds = time.Since(began).Seconds()
	return r, err
}

// chooseAll lets all clients choose, in the lab and by the model, at once.
func chooseAll(ctx context.Context, s *Scene, l *Lab, r *Report) error {
	r.Choices = make([]ChoiceEntry, len(s.Choosers))
	errs := make([]error, len(s.Choosers))
	var all sync.WaitGroup
	for i, c := range s.Choosers {
		all.Go(func() { r.Choices[i], errs[i] = choose(ctx, s, l, c) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func choose(ctx context.Context, s *Scene, l *Lab, c *Chooser) (e ChoiceEntry, err error) {
	e.Client = s.Design.Clients[c.Client].Name
	m, err := NewModel(s.Design)
	if err != nil {
		return e, err
	}
	var all sync.WaitGroup
	var inLab, inModel error
	all.Go(func() { e.Kernel, inLab = l.Select(ctx, s.Design.Spec, c) })
	all.Go(func() { e.Model, inModel = m.Select(ctx, s.Plan, c) })
	all.Wait()
	if err = errors.Join(inLab, inModel); err == nil {
		e.Same = e.Kernel.Equal(e.Model)
	}
	return e, err
}
