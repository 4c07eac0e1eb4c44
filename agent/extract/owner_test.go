package extract

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/etcdward/etcdward/agent/extract/notation"
	"github.com/etcdward/etcdward/test/kinds"
)

// owned is an object of the namespace b, as JSON: "APIVERSION KIND NAME UID", its controller likewise or "", and more of it.
func owned(is, by, more string) string {
	object := map[string]any{}
	if more != "" {
		v, _, err := notation.Parse([]byte(more))
		if err != nil {
			panic(err)
		}
		object = v.(map[string]any)
	}
	words := strings.Fields(is)
	meta, _ := object["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	maps.Copy(meta, map[string]any{"namespace": "b", "name": words[2], "uid": words[3]})
	object["apiVersion"], object["kind"], object["metadata"] = words[0], words[1], meta
	if words := strings.Fields(by); len(words) > 0 {
		meta["ownerReferences"] = []any{map[string]any{"apiVersion": words[0], "kind": words[1], "name": words[2], "uid": words[3], "controller": true}}
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestOwners holds that an object is left out only where what makes it anew is among what is extracted, and is going to.
func TestOwners(t *testing.T) {
	const (
		deployment = "apps/v1 Deployment web 1"
		replicaSet = "apps/v1 ReplicaSet web-1 2"
		pod        = "v1 Pod web-1-x 3"
		cron       = "batch/v1 CronJob c 4"
		job        = "batch/v1 Job c-1 5"
		service    = "v1 Service s 6"
		slice      = "discovery.k8s.io/v1 EndpointSlice s-1 7"
		selector   = `{"spec":{"selector":{"app":"s"}}}`
	)
	managedBy := func(name string) string {
		return `{"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"` + name + `"}}}`
	}
	for name, test := range map[string]struct {
		object        string
		others        []string
		leftOut, note string // one of them
	}{
		"deployment is there":        {owned(replicaSet, deployment, ""), []string{owned(deployment, "", "")}, "made anew by its Deployment web", ""},
		"deployment is gone":         {owned(replicaSet, deployment, ""), nil, "", "Deployment web is not among what is extracted"},
		"another of its name":        {owned(replicaSet, deployment, ""), []string{owned("apps/v1 Deployment web 99", "", "")}, "", "is not among"},
		"another of its uid":         {owned(replicaSet, deployment, ""), []string{owned("apps/v1 Deployment wob 1", "", "")}, "", "is not among"},
		"another kind of its uid":    {owned(replicaSet, deployment, ""), []string{owned("apps/v1 DaemonSet web 1", "", "")}, "", "is not among"},
		"deployment of others":       {owned(replicaSet, "example.com/v1 Deployment web 1", ""), []string{owned("example.com/v1 Deployment web 1", "", "")}, "", "is not known to make the same again"},
		"deployment elsewhere":       {owned(replicaSet, deployment, ""), []string{strings.Replace(owned(deployment, "", ""), `"namespace":"b"`, `"namespace":"c"`, 1)}, "", "is not among"},
		"deployment as it was":       {owned(replicaSet, "extensions/v1beta1 Deployment web 1", ""), []string{owned(deployment, "", "")}, "made anew by its Deployment web", ""},
		"deployment that is paused":  {owned(replicaSet, deployment, ""), []string{owned(deployment, "", `{"spec":{"paused":true}}`)}, "", "Deployment web is paused"},
		"deployment without uid":     {strings.Replace(owned(replicaSet, deployment, ""), `"uid":"1"`, `"uid":""`, 1), []string{strings.Replace(owned(deployment, "", ""), `"uid":"1"`, `"uid":""`, 1)}, "", "is not among"},
		"deployment that no file is": {owned(replicaSet, deployment, ""), []string{owned(deployment, "", `{"spec":{"x":1e400}}`)}, "", "is not among"},
		"pod of both":                {owned(pod, replicaSet, ""), []string{owned(replicaSet, deployment, ""), owned(deployment, "", "")}, "made anew by its ReplicaSet web-1", ""},
		"pod of one":                 {owned(pod, replicaSet, ""), []string{owned(replicaSet, deployment, "")}, "made anew by its ReplicaSet web-1", ""},
		"pod of the other":           {owned(pod, replicaSet, ""), []string{owned(deployment, "", "")}, "", "ReplicaSet web-1 is not among"},
		"pod of a rollout":           {owned(replicaSet, "argoproj.io/v1alpha1 Rollout r 1", ""), nil, "", "Rollout r is not known to make the same again"},
		"pod of a deployment":        {owned(pod, deployment, ""), []string{owned(deployment, "", "")}, "", "is not known to make the same again"},
		"pod that has ended":         {owned(pod, replicaSet, `{"status":{"phase":"Succeeded"}}`), nil, "the pod has ended, and would run again", ""},
		"pod of a daemon set":        {owned(pod, "apps/v1 DaemonSet d 8", ""), []string{owned("apps/v1 DaemonSet d 8", "", "")}, "made anew by its DaemonSet d", ""},
		"pod of a stateful set":      {owned(pod, "apps/v1 StatefulSet d 8", ""), []string{owned("apps/v1 StatefulSet d 8", "", "")}, "made anew by its StatefulSet d", ""},
		"pod of a controller":        {owned(pod, "v1 ReplicationController d 8", ""), []string{owned("v1 ReplicationController d 8", "", "")}, "made anew by its ReplicationController d", ""},
		"pod of a job":               {owned(pod, job, ""), []string{owned(job, "", "")}, "made anew by its Job c-1", ""},
		"pod of a job that ended":    {owned(pod, job, ""), []string{owned(job, "", `{"status":{"conditions":[{"type":"Failed","status":"True"}]}}`)}, "its Job c-1 has ended", ""},
		"pod of a job of others":     {owned(pod, job, ""), []string{owned(job, "", `{"spec":{"managedBy":"example.com/queue"}}`)}, "", "is run by example.com/queue"},
		"job of a cron job":          {owned(job, cron, ""), []string{owned(cron, "", "")}, "made anew by its CronJob c", ""},
		"job of one that rests":      {owned(job, cron, ""), []string{owned(cron, "", `{"spec":{"suspend":true}}`)}, "", "CronJob c is suspended"},
		"job made by hand":           {owned(job, cron, `{"metadata":{"annotations":{"cronjob.kubernetes.io/instantiate":"manual"}}}`), []string{owned(cron, "", "")}, "", "it was made by hand"},
		"revision":                   {owned("apps/v1 ControllerRevision r 9", "apps/v1 StatefulSet d 8", ""), []string{owned("apps/v1 StatefulSet d 8", "", "")}, "made anew by its StatefulSet d", ""},
		"slice":                      {owned(slice, service, ""), []string{owned(service, "", selector)}, "made anew by its Service s", ""},
		"slice of none":              {owned(slice, service, ""), nil, "", "Service s is not among"},
		"slice without a selector":   {owned(slice, service, ""), []string{owned(service, "", "")}, "", "Service s has no selector"},
		"slice with an empty one":    {owned(slice, service, ""), []string{owned(service, "", `{"spec":{"selector":{}}}`)}, "", "Service s has no selector"},
		"slice of a name":            {owned(slice, service, ""), []string{owned(service, "", `{"spec":{"type":"ExternalName","selector":{"a":"b"}}}`)}, "", "Service s has no selector"},
		"slice of the controller":    {owned(slice, service, managedBy("endpointslice-controller.k8s.io")), []string{owned(service, "", selector)}, "made anew by its Service s", ""},
		"slice of another":           {owned(slice, service, managedBy("example.com")), []string{owned(service, "", selector)}, "", "it is made by example.com"},
		"slice of endpoints":         {owned(slice, "v1 Endpoints s 6", managedBy("endpointslicemirroring-controller.k8s.io")), []string{owned("v1 Endpoints s 6", "", "")}, "made anew by its Endpoints s", ""},
		"secret of an operator":      {owned("v1 Secret db 9", "example.com/v1 Database db 8", ""), []string{owned("example.com/v1 Database db 8", "", "")}, "", "Database db is not known to make the same again"},
		"secret of a deployment":     {owned("v1 Secret db 9", deployment, ""), []string{owned(deployment, "", "")}, "", "Deployment web is not known to make the same again"},
		"claim of a stateful set":    {owned("v1 PersistentVolumeClaim d-0 9", "apps/v1 StatefulSet d 8", ""), []string{owned("apps/v1 StatefulSet d 8", "", "")}, "", "is not known to make the same again"},
		"claim of a pod":             {owned("v1 PersistentVolumeClaim p-v 9", pod, ""), []string{owned(pod, "", `{"spec":{"volumes":[{"name":"v","ephemeral":{}}]}}`)}, "made anew by its Pod web-1-x", ""},
		"claim of a pod that ended":  {owned("v1 PersistentVolumeClaim p-v 9", pod, ""), []string{owned(pod, "", `{"spec":{"volumes":[{"name":"v","ephemeral":{}}]},"status":{"phase":"Failed"}}`)}, "", "has ended"},
		"claim that no pod makes":    {owned("v1 PersistentVolumeClaim p-v 9", pod, ""), []string{owned(pod, "", `{"spec":{"volumes":[{"name":"v"}]}}`)}, "", "is not among"},
		"resource of a pod":          {owned("resource.k8s.io/v1 ResourceClaim p-v 9", pod, ""), []string{owned(pod, "", `{"spec":{"resourceClaims":[{"name":"v"}]}}`)}, "made anew by its Pod web-1-x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			const key = "/registry/things/b/object"
			pairs := []pair{{key, test.object}} // owners that were changed later come later
			for i, other := range test.others {
				pairs = append(pairs, pair{fmt.Sprintf("/registry/things/b/other-%d", i), other})
			}
			x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, handmade(t, pairs...))
			line := x.index[key]
			if test.leftOut != "" {
				if line.LeftOut != test.leftOut && !strings.HasPrefix(line.LeftOut, test.leftOut+" ") && !strings.HasPrefix(line.LeftOut, test.leftOut+",") || line.File != "" || x.LeftOut == 0 {
					t.Errorf("%+v", line)
				}
				return
			}
			if line.LeftOut != "" || !strings.HasPrefix(line.Note, "written without its owner: ") || !strings.Contains(line.Note, test.note) || x.Unowned == 0 || line.Lossy {
				t.Errorf("%+v", line)
			}
			if text := string(x.read(t, line.File)); strings.Contains(text, "ownerReferences") || strings.Contains(text, "uid:") {
				t.Errorf("the garbage collector would remove it:\n%s", text)
			}
		})
	}
}

// TestOwnersSelected holds that an owner that stays in the snapshot makes nothing.
func TestOwnersSelected(t *testing.T) {
	const replicaSet = "apps/v1 ReplicaSet r 2"
	path := handmade(t, pair{"/registry/pods/b/p", owned("v1 Pod p 1", replicaSet, "")}, pair{"/registry/replicasets/b/r", owned(replicaSet, "", "")})
	for prefix, leftOut := range map[string]int{Registry: 1, "/registry/pods/": 0} {
		x := run(t, Extractor{Selection: Selection{Prefix: prefix}, ForApply: true}, path)
		if x.LeftOut != leftOut || x.Unowned != 1-leftOut || !x.Whole() {
			t.Errorf("%s: %+v", prefix, x.Outcome)
		}
	}
	x := run(t, Extractor{Selection: Selection{Prefix: "/registry/pods/"}}, path)
	if line := x.index["/registry/pods/b/p"]; x.Unowned != 0 || line.Note != "" || !strings.Contains(string(x.read(t, line.File)), "ownerReferences") {
		t.Errorf("as it is stored: %+v", line)
	}
}

// TestOwnersInProtobuf holds the same of objects as API servers store them, and that an owner with more fields than are known
// is one all the same.
func TestOwnersInProtobuf(t *testing.T) {
	ref := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "r", UID: types.UID("2"), Controller: new(true)}
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "b", OwnerReferences: []metav1.OwnerReference{ref}}}
	set := appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "b", UID: "2"}}
	value := string(kinds.Encode(t, &pod, "v1", "Pod"))
	owner := string(kinds.Encode(t, &set, "apps/v1", "ReplicaSet"))
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true},
		handmade(t, pair{"/registry/pods/b/p", value}, pair{"/registry/replicasets/b/r", owner}))
	if line := x.index["/registry/pods/b/p"]; line.LeftOut != "made anew by its ReplicaSet r" || x.Unowned != 0 {
		t.Errorf("%+v", line)
	}
	x = run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, handmade(t, pair{"/registry/pods/b/p", value}))
	if line := x.index["/registry/pods/b/p"]; line.LeftOut != "" || line.Note != "written without its owner: ReplicaSet r is not among what is extracted" || x.Unowned != 1 {
		t.Errorf("%+v", line)
	}
	var got corev1.Pod
	x.into(t, "/registry/pods/b/p", &got)
	if len(got.OwnerReferences) > 0 {
		t.Errorf("%+v", got.OwnerReferences)
	}
}

// TestOwnersOfNoControl holds that what an object lost is noted where its owners do not control it.
func TestOwnersOfNoControl(t *testing.T) {
	const key = "/registry/secrets/b/s"
	secret := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"b","ownerReferences":[{"kind":"Certificate","name":"tls"},{"kind":"A","name":"b"}]}}`
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, handmade(t, pair{key, secret}))
	if line := x.index[key]; line.Note != "written without its owners: Certificate tls, A b" || line.Lossy || x.Unowned != 0 || !x.Whole() {
		t.Errorf("%+v %+v", line, x.Outcome)
	}
}

// TestAllLeftOut holds that an extraction of what is not to be applied is one, and has a list of kinds, which is empty.
func TestAllLeftOut(t *testing.T) {
	x := run(t, Extractor{Selection: Selection{Prefix: Registry}, ForApply: true}, handmade(t, pair{"/registry/events/b/e", owned("v1 Event e 1", "", "")}))
	if text, err := json.Marshal(x.Outcome); err != nil || !strings.HasPrefix(string(text), `{"kinds":[],`) || x.LeftOut != 1 {
		t.Errorf("%s %v", text, err)
	}
}
