package daemon

import (
	"context"
	"errors"
	"time"
)

// reread makes the next generation. It returns nil if the file cannot be used, and then the generation in
// force goes on.
func (d *daemon) reread(g *generation) *generation {
	told(g.Log, d.Notify.Reloading())
	defer func() { told(g.Log, d.Notify.Ready()) }()
	next, err := d.prepare()
	if err == nil {
		err = AsUnit(next.Config)
		if was := g.Config.Cluster.Name; err == nil && was != next.Config.Cluster.Name {
			err = otherCluster{next.Config.Cluster.Name, was}
		}
		if err != nil {
			err = errors.Join(err, next.Close())
		}
	}
	if err != nil {
		g.Log.Error("configuration refused", "config", d.ConfigPath, "error", err)
		d.board.say(noteRefused, "the changed configuration is refused: "+err.Error())
		return nil
	}
	d.board.say(noteRefused, "")
	d.board.say(noteWaits, "the changed configuration waits for the end of the run")
	return next
}

// restartCheck limits the time of the check whether the installed program would start.
const restartCheck = time.Minute

// mayRestart asks the installed program whether it accepts the configuration. If it does not, this process goes on, since the
// new one could not replace it.
func (d *daemon) mayRestart(ctx context.Context, g *generation) bool {
	err := credentialsThere("/")
	if err == nil && d.WouldStart != nil {
		within, cancel := context.WithTimeout(ctx, restartCheck)
		defer cancel()
		err = d.WouldStart(within)
	}
	if err != nil {
		g.Log.Error("restart refused", "error", err)
		d.board.say(noteRefused, "it would not start again: "+err.Error())
		return false
	}
	d.board.say(noteWaits, "a restart waits for the end of the run")
	return true
}
