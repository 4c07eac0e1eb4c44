package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/etcdward/etcdward/storage"
)

// maxDocument is the length in bytes of the longest document that an answer may be: a page of 1,000 versions is far below.
const maxDocument = 32 << 20

// roots name the root element of the document with which each operation is answered: S3's own name for it first, then what stores were
// seen to call it that do answer.
var roots = map[string][]string{
	"ListObjectsV2":                   {"ListBucketResult"},
	"ListObjectVersions":              {"ListVersionsResult", "ListBucketVersionsResult", "ListObjectVersionsResult"},
	"ListMultipartUploads":            {"ListMultipartUploadsResult"},
	"GetBucketVersioning":             {"VersioningConfiguration"},
	"GetObjectLockConfiguration":      {"ObjectLockConfiguration"},
	"GetBucketLifecycleConfiguration": {"LifecycleConfiguration"},
	"GetPublicAccessBlock":            {"PublicAccessBlockConfiguration"},
	"CreateMultipartUpload":           {"InitiateMultipartUploadResult", "InitiateMultipartUpload"},
	"CompleteMultipartUpload":         {"CompleteMultipartUploadResult"},
	"DeleteObjects":                   {"DeleteResult", "DeleteObjectsResult"},
}

// namespaces are those of S3's documents. Some stores leave it out.
var namespaces = []string{"", "http://s3.amazonaws.com/doc/2006-03-01/", "https://s3.amazonaws.com/doc/2006-03-01/", "http://doc.s3.amazonaws.com/2006-03-01"}

// tagged are the operations whose answer has an ETag.
var tagged = []string{"PutObject", "UploadPart", "GetObject", "HeadObject"}

// addAnswerCheck makes each answer be held to the protocol before the SDK reads it: to the SDK any 200 is a yes, and a document of
// any kind is an empty listing.
func addAnswerCheck(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("CheckAnswer",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
				err = checkAnswer(middleware.GetOperationName(ctx), answer)
			}
			return out, metadata, err
		}), middleware.After)
}

// checkAnswer returns storage.ErrNotAStore if an answer is none of an S3 server. One that says that it is overloaded may come from
// whatever stands before the store: that is for the retries.
func checkAnswer(operation string, answer *smithyhttp.Response) error {
	switch status := answer.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests:
		return nil
	case status >= 300:
		return checkRefusal(answer)
	}
	if operation == "GetObject" {
		// Its body is the object's own, and is not looked into.
		return checkHeader(operation, answer, nil)
	}
	body, err := takeBody(answer)
	if err != nil {
		return err
	}
	if root, ok := roots[operation]; ok {
		return checkDocument(root, answer, body)
	}
	return checkHeader(operation, answer, body)
}

// takeBody reads the body of an answer and puts it back.
func takeBody(answer *smithyhttp.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = notS3("a document of more than 32 MiB")
	}
	err = errors.Join(err, answer.Body.Close())
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// checkRefusal looks at an answer that is no success.
func checkRefusal(answer *smithyhttp.Response) error {
	body, err := takeBody(answer)
	if err != nil {
		return err
	}
	if page := storage.PageOf(answer.Header.Get("Content-Type"), body); page != "" {
		return notS3(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	}
	switch to := answer.Header.Get("Location"); {
	case bytes.Contains(body, []byte("HTTP request to an HTTPS server")), bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port")):
		return storage.HTTPToHTTPS()
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return storage.NetworkCause(errors.New(http.StatusText(http.StatusProxyAuthRequired)))
	case answer.StatusCode < 400 && to != "" && answer.Header.Get("X-Amz-Bucket-Region") == "" && !bytes.Contains(body, []byte("<Error>")):
		return notS3(fmt.Sprintf("a redirection to %s (HTTP %d)", storage.Printable(to, 200), answer.StatusCode))
	case len(bytes.TrimSpace(body)) > 0 && !bytes.Contains(body, []byte("<Error")):
		// "default backend - 404" is no word on an object.
		return notS3(fmt.Sprintf("%q (HTTP %d)", storage.Printable(string(bytes.TrimSpace(body)), 60), answer.StatusCode))
	}
	return nil
}

// checkHeader looks at the headers of a success, and at its body, of which there is none.
func checkHeader(operation string, answer *smithyhttp.Response, body []byte) error {
	if page := storage.PageOf(answer.Header.Get("Content-Type"), body); page != "" {
		return notS3(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	}
	switch {
	case slices.Contains(tagged, operation) && strings.Trim(answer.Header.Get("ETag"), `" `) == "":
		return notS3(fmt.Sprintf("HTTP %d and no ETag", answer.StatusCode))
	case operation == "HeadObject" && answer.ContentLength < 0:
		return notS3(fmt.Sprintf("HTTP %d and no length", answer.StatusCode))
	case !slices.Contains(tagged, operation) && len(bytes.TrimSpace(body)) > 0:
		return notS3(fmt.Sprintf("HTTP %d and a body that nobody asked for", answer.StatusCode))
	}
	return nil
}

// checkDocument looks at the root element of a document, whatever its content is called: some stores call it text/html.
func checkDocument(want []string, answer *smithyhttp.Response, body []byte) error {
	root, err := rootOf(body)
	late := want[0] == "CompleteMultipartUploadResult" && root.Local == "Error" // the status was sent before the store knew
	switch page := storage.PageOf(answer.Header.Get("Content-Type"), body); {
	case err == nil && (slices.Contains(want, root.Local) || late) && slices.Contains(namespaces, root.Space):
		return nil
	case page != "":
		return notS3(fmt.Sprintf("%s (HTTP %d)", page, answer.StatusCode))
	case err != nil:
		return notS3(fmt.Sprintf("HTTP %d and no XML", answer.StatusCode))
	case root.Local == "ListAllMyBucketsResult":
		return &storage.Cause{
			Says: "the store lists its buckets, and not what is in one: it does not find the bucket's name in front of the host",
			Try:  "set path_style: true, and give the endpoint without the bucket's name",
			Kind: storage.ErrSetup,
		}
	}
	return notS3(fmt.Sprintf("a document <%s> where a <%s> was asked for", storage.Printable(root.Local, 40), want[0]))
}

// rootOf returns the name of a document's root element.
func rootOf(body []byte) (xml.Name, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			return xml.Name{}, err
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name, nil
		}
	}
}

func notS3(answer string) error { return storage.NotAStore("S3", answer) }

// addUnsignedEncoding leaves Accept-Encoding out of the signature: what stands before Google's stores changes it on the way.
func addUnsignedEncoding(stack *middleware.Stack) error {
	const header = "Accept-Encoding"
	step := func(id string, change func(http.Header)) middleware.FinalizeMiddleware {
		return middleware.FinalizeMiddlewareFunc(id,
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				if request, ok := in.Request.(*smithyhttp.Request); ok {
					change(request.Header)
				}
				return next.HandleFinalize(ctx, in)
			})
	}
	hide := step("HideAcceptEncoding", func(h http.Header) { h.Del(header) })
	// With none set, the HTTP client would ask for gzip.
	show := step("ShowAcceptEncoding", func(h http.Header) { h.Set(header, "identity") })
	return errors.Join(stack.Finalize.Insert(hide, "Signing", middleware.Before), stack.Finalize.Insert(show, "Signing", middleware.After))
}
