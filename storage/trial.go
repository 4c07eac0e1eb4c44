package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// ErrOverwrites means that a store lets one write replace another, whatever it is asked. Two writers of one key can mix there.
var ErrOverwrites = errors.New("the store lets a second write replace the first")

const (
	// trials is how often a write must be replaced until it is held against the store: another host that tries the same key may
	// have removed the first in between.
	trials = 3
	// rivals is how many writers write one key at once.
	rivals = 4
	// tidyTime is how long the removal of what a trial wrote may take.
	tidyTime = 30 * time.Second
)

// TryCreateOnly tries what this package promises and a store has to keep: a write that is to create an object fails if there is one.
// It writes an object under key and then another, and below key+"-at-once" several at the same time. nil means that one of each was
// taken. An error that wraps ErrOverwrites means that the store takes more; any other, that it could not be tried.
//
// It removes what it wrote. Where these credentials may not, or the store locks each object, two small objects stay; they are the same
// ones after every trial of the same key, however often it is repeated.
func TryCreateOnly(ctx context.Context, bucket Bucket, key string) error {
	for range trials {
		replaced, err := tryOnce(ctx, bucket, key)
		if err != nil {
			return fmt.Errorf("try create-only writes at %s: %w", key, err)
		}
		if !replaced {
			return nil
		}
	}
	return fmt.Errorf("try create-only writes at %s: %w", key, &Cause{
		Says: "the store lets a second write replace the first, although it is asked not to",
		Try:  "use a store that honours conditional writes (If-None-Match), or let no more than one host write to this one",
		Kind: ErrOverwrites,
	})
}

// tryOnce makes one trial, and reports whether a write was replaced.
func tryOnce(ctx context.Context, bucket Bucket, key string) (replaced bool, err error) {
	var written []Object
	defer func() { err = errors.Join(err, removeTrial(ctx, bucket, written)) }()
	for writer := range 2 {
		obj, err := bucket.Put(ctx, trialUpload(key, writer))
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return false, err
		}
		written = append(written, obj)
	}
	if len(written) > 1 {
		return true, nil
	}
	won, err := tryAtOnce(ctx, bucket, key+"-at-once")
	written = append(written, won...)
	return len(won) > 1, err
}

// tryAtOnce writes one key several times at once, and returns what the store took.
func tryAtOnce(ctx context.Context, bucket Bucket, key string) ([]Object, error) {
	var (
		mu   sync.Mutex
		won  []Object
		errs []error
		all  sync.WaitGroup
	)
	for writer := range rivals {
		all.Go(func() {
			obj, err := bucket.Put(ctx, trialUpload(key, writer))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, obj)
			case !errors.Is(err, fs.ErrExist):
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	if len(won) > 1 {
		return won, nil // which is worse than what befell the others
	}
	return won, errors.Join(errs...)
}

// trialUpload is the object that one writer writes, the same one in every trial.
func trialUpload(key string, writer int) Upload {
	body := fmt.Sprintf("etcdward wrote this to try create-only writes: writer %d. It may be removed.\n", writer)
	return Upload{Key: key, Body: strings.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256([]byte(body))}
}

// removeTrial removes what a trial wrote, as far as that is allowed.
func removeTrial(ctx context.Context, bucket Bucket, written []Object) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	var errs []error
	for _, err := range DeleteAll(ctx, bucket, written) {
		if err != nil && !errors.Is(err, ErrDenied) && !errors.Is(err, ErrLocked) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
