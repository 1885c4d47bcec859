package topology

// guard takes the packet through the firewall of a host itself, which is no
// hop. Who sends may send what no rule forbids; what comes in and no rule
// speaks of falls to Otherwise.
func (w *walker) guard(e *element) bool {
	b := &w.net.boxes[e.box]
	if !e.outward && w.arrival.host != AnyHost && w.st.hostDown[w.arrival.host] {
		return true // nobody is there to judge
	}
	if b.drops.has(w.p.Kind) {
		w.note(b.name, "dropped: the host drops this kind")
		return w.stop(Filtered, b.id, -1)
	}
	return w.filter(b, e) && w.track(b, e)
}
