//go:build race

package conform

// raceDetector says that what is pooled is forgotten at random (sync.Pool), so that allocations cannot be counted.
const raceDetector = true
