// Package rough commits snapshots to a real store over a network that spoils many of the requests.
package rough
