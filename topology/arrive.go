package topology

// arrive ends the walk at the end of the course.
func (w *walker) arrive() bool {
	a := &w.arrival
	switch a.kind {
	case offRoute:
		if a.box != NoBox {
			w.note(w.net.boxes[a.box].name, "no route")
		} else {
			w.note(w.net.networks[a.network].name, "no route")
		}
		return w.absent(NoRoute, a)
	case unmatched:
		w.note(w.net.boxes[a.box].name, "the reply did not come back to the translator")
		return w.stop(NoMapping, a.box, -1)
	case atNobody:
		w.note(w.net.networks[a.network].name, "nobody has the address")
		return w.absent(NoHost, a)
	case atOther:
		if s := a.stranger; !s.answers(w.p.Kind) {
			w.note(s.name, "a stranger, who does not answer")
			return w.stop(NoHost, NoBox, -1)
		}
		w.note(a.stranger.name, "delivered to a stranger")
		return w.deliver(AStranger)
	}
	if a.host != AnyHost && w.st.hostDown[a.host] {
		w.note(w.net.hosts[a.host].name, "host down")
		return w.absent(NoHost, a)
	}
	w.note(w.destination(), "delivered")
	if a.host != AnyHost && !w.p.Back && w.p.asked != 0 && w.p.asked-1 != a.host {
		return w.deliver(Another)
	}
	return w.deliver(TheHost)
}

// deliver ends the walk where somebody answers.
func (w *walker) deliver(by Answerer) bool {
	w.result.By = by
	return w.stop(Delivered, NoBox, -1)
}

// answers tells whether a stranger answers to a kind of packet.
func (s *stranger) answers(k Kind) bool {
	return k == EchoRequest && s.answersEcho || k == TCP && s.answersTCP
}

// absent ends the walk where nobody is. The last router on the way may tell.
func (w *walker) absent(e End, a *arrival) bool {
	if !w.net.networks[a.network].tellsAbsent || w.p.Kind.IsError() {
		return w.stop(e, a.boxOf(e), -1)
	}
	box, segment, router := NoBox, segmentID(0), -1
	for w.i = len(w.course) - 1; w.i >= 0; w.i-- {
		last := &w.course[w.i]
		if last.kind == passage {
			box = last.box
			break
		}
		if s := &w.net.segments[last.segment]; last.kind == links && s.routers > 0 {
			segment, router = last.segment, s.routers-1
			if !last.outward {
				router = 0
			}
			break
		}
	}
	if w.i < 0 { // the sender itself finds that nobody is there
		return w.stop(e, a.boxOf(e), -1)
	}
	w.stopAt(e, box, -1, segment, router)
	w.result.Box = a.boxOf(e)
	return false
}

// boxOf is the box that ended a packet at the arrival.
func (a *arrival) boxOf(e End) BoxID {
	if e == NoRoute {
		return a.box
	}
	return NoBox
}
