package storagetest

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// multipart serves the five requests of an upload in parts.
func (m *MemoryS3) multipart(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	id := r.URL.Query().Get("uploadId")
	switch operation := S3Operation(r); operation {
	case "CreateMultipartUpload":
		m.next++
		id = strconv.Itoa(m.next)
		m.uploads[id] = &upload{key, r.Header.Clone(), map[int][]byte{}, time.Now().UTC()}
		answerXML(w, "InitiateMultipartUploadResult", "<UploadId>"+id+"</UploadId>")
		return
	case "ListMultipartUploads":
		m.listUploads(w, r.URL.Query().Get("prefix"))
		return
	default:
		up, there := m.uploads[id]
		if !there {
			refuse(w, http.StatusNotFound, "NoSuchUpload")
			return
		}
		m.uploadStep(w, r, operation, id, up, body)
	}
}

func (m *MemoryS3) uploadStep(w http.ResponseWriter, r *http.Request, operation, id string, up *upload, body []byte) {
	switch operation {
	case "UploadPart":
		number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		up.parts[number] = body
		w.Header().Set("ETag", etagOf(body))
	case "CompleteMultipartUpload":
		var content []byte
		for _, number := range slices.Sorted(maps.Keys(up.parts)) {
			content = append(content, up.parts[number]...)
		}
		r.Header = merge(r.Header, up.header)
		etag := fmt.Sprintf(`"%s-%d"`, strings.Trim(etagOf(content), `"`), len(up.parts))
		if m.put(w, r, up.key, content, etag) {
			delete(m.uploads, id)
			answerXML(w, "CompleteMultipartUploadResult", "<ETag>"+escape(etag)+"</ETag>")
		}
	case "AbortMultipartUpload":
		delete(m.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// listUploads lists as MinIO does: a prefix finds nothing but the uploads of a key that is equal to it.
func (m *MemoryS3) listUploads(w http.ResponseWriter, prefix string) {
	var text strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(m.uploads), func(a, b string) int { return strings.Compare(m.uploads[a].key, m.uploads[b].key) }) {
		up := m.uploads[id]
		if prefix == "" || up.key == prefix {
			fmt.Fprintf(&text, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>",
				escape(up.key), id, up.begun.Format(time.RFC3339))
		}
	}
	answerXML(w, "ListMultipartUploadsResult", text.String())
}

func merge(header, more http.Header) http.Header {
	merged := more.Clone()
	maps.Copy(merged, header)
	return merged
}

// unchunk undoes the encoding aws-chunked: SIZE[;signature] CRLF bytes CRLF, and so on until a size of 0 and the trailers.
func unchunk(body []byte) []byte {
	var content []byte
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		size, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if !ok || err != nil || n == 0 || int(n) > len(rest) {
			return content
		}
		content = append(content, rest[:n]...)
		body = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}
