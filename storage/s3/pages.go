package s3

import (
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// barrenPages is how many pages in a row may bring nothing new. A sound store may give a
// few; a broken one never stops.
const barrenPages = 10

// pages watches a listing as it comes in. Some stores repeat entries, and some never
// come to an end.
type pages struct {
	// last is the greatest name so far.
	last string
	// previous and current are the entries of the last page and of this one.
	previous, current map[string]bool
	// fresh is how many entries of this page were new.
	fresh, barren int
}

// take reports whether an entry is new. It returns an error if the entry comes after one
// that it belongs before: callers draw conclusions from the order.
func (p *pages) take(name, version string) (bool, error) {
	id := name + "\x00" + version
	known := p.previous[id] || p.current[id]
	if p.current == nil {
		p.current = map[string]bool{}
	}
	p.current[id] = true
	switch {
	case known:
		return false, nil
	case name < p.last:
		return false, fmt.Errorf("the store lists %q after %q", name, p.last)
	}
	p.last = name
	p.fresh++
	return true, nil
}

// turn ends a page that is not the last.
func (p *pages) turn() error {
	if p.barren++; p.fresh > 0 {
		p.barren = 0
	}
	if p.barren > barrenPages {
		return fmt.Errorf("the store's listing makes no progress after %q", p.last)
	}
	p.previous, p.current, p.fresh = p.current, nil, 0
	return nil
}

// decode undoes the encoding of names in a listing, which is asked for because XML cannot
// hold every name. Some stores do not do it.
func decode(name *string, encoding types.EncodingType) (string, error) {
	if name == nil {
		return "", nil
	}
	if encoding != types.EncodingTypeUrl {
		return *name, nil
	}
	return url.QueryUnescape(*name)
}
