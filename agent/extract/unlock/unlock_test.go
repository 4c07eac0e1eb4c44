package unlock

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"
)

const (
	plainText = "k8s\x00something that an API server stores"
	etcdKey   = "/registry/secrets/shop/a"
)

// Secrets of 16 and 32 bytes.
var (
	short = []byte("0123456789abcdef")
	long  = []byte("0123456789abcdefFEDCBA9876543210")
	wrong = []byte("wrong wrong wrong wrong wrong 32")
)

// The providers of the API server, which seal with a random nonce.
func sealCBC(secret []byte, plain string) string {
	block, _ := aes.NewCipher(secret)
	iv := random(aes.BlockSize)
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	body := append([]byte(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	return string(iv) + string(body)
}

func sealGCM(secret []byte, plain, key string) string {
	block, _ := aes.NewCipher(secret)
	aead, _ := cipher.NewGCM(block)
	nonce := random(aead.NonceSize())
	return string(aead.Seal(nonce, nonce, []byte(plain), []byte(key)))
}

func sealBox(secret []byte, plain string) string {
	nonce := [24]byte(random(24))
	key := [32]byte(secret)
	return string(secretbox.Seal(nonce[:], []byte(plain), &nonce, &key))
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// load makes the keys of a configuration, whose "$NAME" stand for the secrets.
func load(t *testing.T, text string) (*Keys, string, error) {
	t.Helper()
	for name, secret := range map[string][]byte{"$short": short, "$long": long, "$wrong": wrong} {
		text = strings.ReplaceAll(text, name, base64.StdEncoding.EncodeToString(secret))
	}
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := Load(path)
	return keys, path, err
}

// head begins every configuration here.
const head = "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n"

// TestOpen opens values of each provider, and says of others why they stay closed.
func TestOpen(t *testing.T) {
	const aescbc = head + "  - aescbc: {keys: [{name: new, secret: $long}, {name: key1, secret: $short}]}\n  - identity: {}\n"
	const aesgcm = head + "  - aesgcm: {keys: [{name: key1, secret: $long}]}\n"
	const box = head + "  - secretbox: {keys: [{name: key1, secret: $long}]}\n"
	for name, test := range map[string]struct{ config, value, note string }{
		"aescbc":                    {aescbc, "aescbc:v1:key1:" + sealCBC(short, plainText), ""},
		"aescbc, another key":       {aescbc, "aescbc:v1:new:" + sealCBC(long, plainText), ""},
		"aescbc, whole block":       {aescbc, "aescbc:v1:key1:" + sealCBC(short, plainText[:32]), ""},
		"aescbc, JSON":              {aescbc, "aescbc:v1:key1:" + sealCBC(short, `{"kind":"x"}`), ""},
		"aescbc, wrong key":         {strings.Replace(aescbc, "$short", "$wrong", 1), "aescbc:v1:key1:" + sealCBC(short, plainText), "does not open it"},
		"aescbc, key that was lost": {aescbc, "aescbc:v1:old:" + sealCBC(short, plainText), "the encryption configuration has no such key"},
		"aescbc, of nothing known":  {aescbc, "aescbc:v1:key1:" + sealCBC(short, "garbage that a wrong key leaves"), "does not open it"},
		"aescbc, cut":               {aescbc, "aescbc:v1:key1:" + sealCBC(short, plainText)[:40], "does not open it"},
		"aescbc, nothing":           {aescbc, "aescbc:v1:key1:", "does not open it"},
		"two keys of one name":      {head + "  - aescbc: {keys: [{name: key1, secret: $wrong}]}\n- resources: [configmaps]\n  providers: [{aescbc: {keys: [{name: key1, secret: $short}]}}]\n", "aescbc:v1:key1:" + sealCBC(short, plainText), ""},
		"aesgcm":                    {aesgcm, "aesgcm:v1:key1:" + sealGCM(long, plainText, etcdKey), ""},
		"aesgcm, of another key":    {aesgcm, "aesgcm:v1:key1:" + sealGCM(long, plainText, "/registry/secrets/shop/b"), "does not open it"},
		"aesgcm, wrong key":         {strings.Replace(aesgcm, "$long", "$wrong", 1), "aesgcm:v1:key1:" + sealGCM(long, plainText, etcdKey), "does not open it"},
		"aesgcm, cut":               {aesgcm, "aesgcm:v1:key1:short", "does not open it"},
		"secretbox":                 {box, "secretbox:v1:key1:" + sealBox(long, plainText), ""},
		"secretbox, wrong key":      {strings.Replace(box, "$long", "$wrong", 1), "secretbox:v1:key1:" + sealBox(long, plainText), "does not open it"},
		"secretbox, cut":            {box, "secretbox:v1:key1:short", "does not open it"},
		"the key of another":        {box, "aesgcm:v1:key1:" + sealGCM(long, plainText, etcdKey), "no such key"},
		"kms v1":                    {head + "  - kms: {name: vault, endpoint: unix:///x}\n", "kms:v1:vault:x", "in a key management service, and in no file"},
		"kms v2":                    {head + "  - kms: {apiVersion: v2, name: vault, endpoint: unix:///x}\n", "kms:v2:vault:x", "in a key management service, and in no file"},
		"a version to come":         {aescbc, "aescbc:v9:key1:x", `the version "v9" of aescbc is not known`},
		"another way":               {aescbc, "\x1b:v1:key1:x", "in a way that is not known"},
		"no way":                    {aescbc, "", "in a way that is not known"},
		"its predecessor":           {strings.Replace(strings.Replace(aescbc, "EncryptionConfiguration", "EncryptionConfig", 1), "apiserver.config.k8s.io/v1", "v1", 1), "aescbc:v1:key1:" + sealCBC(short, plainText), ""},
	} {
		keys, path, err := load(t, test.config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plain, note := keys.Open([]byte(etcdKey), []byte("k8s:enc:"+test.value))
		if (plain == nil) != (test.note != "") || !strings.Contains(note, test.note) {
			t.Errorf("%s: %q, %q", name, plain, note)
		}
		useless := keys.Useless()
		if want := strings.Contains(test.note, "does not open it"); want != (useless != nil) {
			t.Errorf("%s: %v", name, useless)
		} else if want && (!strings.Contains(useless.Error(), path) || !strings.Contains(useless.Error(), "key1 of") && !strings.Contains(useless.Error(), "key key1")) {
			t.Errorf("%s: %v", name, useless)
		}
	}
	var none *Keys
	if plain, note := none.Open([]byte(etcdKey), []byte("k8s:enc:aescbc:v1:key1:x")); plain != nil || note != "encrypted at rest by aescbc with the key key1" || none.Useless() != nil {
		t.Errorf("without keys: %q", note)
	}
}

// TestUseless holds that one value which is damaged does not make a key wrong, and that no value does not either.
func TestUseless(t *testing.T) {
	keys, _, err := load(t, head+"  - aesgcm: {keys: [{name: key1, secret: $long}, {name: unused, secret: $short}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	keys.Open([]byte(etcdKey), []byte("k8s:enc:aesgcm:v1:key1:"+sealGCM(long, plainText, etcdKey)))
	keys.Open([]byte(etcdKey), []byte("k8s:enc:aesgcm:v1:key1:"+sealGCM(long, plainText, "/other")))
	if err := keys.Useless(); err != nil {
		t.Error(err)
	}
	var hint interface{ Hint() string }
	if err := (wrongKeys{"f", "aesgcm key a", 3}); !errors.As(error(err), &hint) || err.Error() != "unlock: the aesgcm key a of f opens none of the 3 values that name it" {
		t.Error(err)
	}
}

// TestLoad holds what a file may not be, and that no error tells a key.
func TestLoad(t *testing.T) {
	const secret = "SGVyZUlzQVNlY3JldA"
	for name, test := range map[string]struct{ text, says string }{
		"another kind":       {"kind: Secret\napiVersion: v1\n", `its kind is "Secret"`},
		"nothing":            {"", "its kind is \"\""},
		"no YAML":            {"kind: EncryptionConfiguration\nresources: [\n" + secret, "not YAML"},
		"YAML of a key":      {head + "  - aescbc: {keys: [{name: a, secret: *" + secret + "}]}\n", "not YAML"},
		"list":               {"- a\n", "not an EncryptionConfiguration"},
		"unknown provider":   {head + "  - rot13: {keys: []}\n", `resources[0].providers[0]: the provider "rot13" is not known`},
		"no base64":          {head + "  - aescbc: {keys: [{name: a, secret: '" + secret + "!'}]}\n", "aescbc.keys[0].secret: not base64"},
		"size":               {head + "  - aescbc: {keys: [{name: a, secret: " + secret + "==}]}\n", "aescbc.keys[0].secret: a key of 13 bytes, not of 16, 24 or 32"},
		"size for gcm":       {head + "  - aesgcm: {keys: [{name: a, secret: " + secret + "==}]}\n", "aesgcm.keys[0].secret: a key of 13 bytes"},
		"size for a box":     {head + "  - secretbox: {keys: [{name: a, secret: $short}]}\n", "a key of 16 bytes, not of 32"},
		"secret as a number": {head + "  - aescbc: {keys: [{name: a, secret: 1234567890123456}]}\n", "is of another type"},
		"secret as a list":   {head + "  - aescbc: {keys: [{name: a, secret: [" + secret + "]}]}\n", "is of another type"},
		"keys as a text":     {head + "  - aescbc: {keys: " + secret + "}\n", "is of another type"},
		"resources as text":  {"kind: EncryptionConfiguration\nresources: " + secret + "\n", "is of another type"},
	} {
		keys, path, err := load(t, test.text)
		if keys != nil || err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "read "+path) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, key := range []string{secret, "1234567890123456", string(short)} {
			if strings.Contains(err.Error(), key) {
				t.Errorf("%s: it tells the key: %v", name, err)
			}
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	keys, _, err := load(t, head+"  - aescbc: {keys: [{name: key1, secret: $short}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(keys), fmt.Sprintf("%+v", keys), fmt.Sprintf("%#v", keys)} {
		if text != "<secret>" {
			t.Errorf("printed: %s", text)
		}
	}
}
