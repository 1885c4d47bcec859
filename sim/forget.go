package sim

// forgetOutlooks is for a world that has changed.
func (c *cell) forgetOutlooks() {
	for _, row := range c.outlooks {
		clear(row)
	}
}
