// Package maintain runs the verbs of maintenance of the real binary on a cluster.
package maintain
