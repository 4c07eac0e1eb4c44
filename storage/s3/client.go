package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/etcdward/etcdward/storage"
)

const (
	// attempts is how often a request is made until its error is believed.
	attempts = 8
	// idle is how long an unused connection is kept. It is less than the time after
	// which it would count as stalled.
	idle = 30 * time.Second
	// reread is how long credentials from a file are used before it is read again.
	reread = 5 * time.Minute
)

// newClient returns a client, and the connections that all its requests share.
func newClient(ctx context.Context, o Options, t tuning, scheme *storage.Scheme) (*s3.Client, *http.Client, error) {
	// It is this type, and no http.Client, that takes up AWS_CA_BUNDLE.
	buildable := awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		transport.IdleConnTimeout = min(idle, t.stall/2)
		transport.DialContext = storage.StallingDialer(t.stall)
	})
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(buildable),
		config.WithLogger(logging.Nop{}),
		config.WithRetryer(func() aws.Retryer { return newRetryer(t, scheme) }),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.CredentialsFile != "" {
		if _, err := readCredentials(ctx, o.CredentialsFile); err != nil {
			return nil, nil, err
		}
		load = append(load, config.WithCredentialsProvider(aws.NewCredentialsCache(
			aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				return readCredentials(ctx, o.CredentialsFile)
			}))))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, nil, err
	}
	if cfg.Region == "" {
		if o.Endpoint == "" {
			return nil, nil, errors.New("no region is set")
		}
		cfg.Region = "us-east-1"
	}
	withBundle, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, nil, fmt.Errorf("the HTTP client became a %T", cfg.HTTPClient)
	}
	pool, ok := withBundle.Freeze().(*http.Client)
	if !ok {
		return nil, nil, fmt.Errorf("the HTTP client became a %T", withBundle.Freeze())
	}
	return s3.NewFromConfig(cfg, func(s *s3.Options) {
		s.HTTPClient = pool
		s.APIOptions = append(s.APIOptions, addAnswerCheck, addUnsignedEncoding)
		s.UsePathStyle = o.PathStyle
		s.DisableLogOutputChecksumValidationSkipped = true
		if o.Endpoint != "" {
			s.BaseEndpoint = aws.String(o.Endpoint)
		}
		if o.Checksums == "when_required" {
			s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	}), pool, nil
}

// newRetryer repeats what may pass, and nothing that stays.
func newRetryer(t tuning, scheme *storage.Scheme) aws.Retryer {
	return retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = attempts
		r.MaxBackoff = 20 * t.pause
		// The bucket of tokens would give up early for all requests at once.
		r.RateLimiter = ratelimit.None
		stays := retry.IsErrorRetryableFunc(func(err error) aws.Ternary { return notPermanent(scheme, err) })
		r.Retryables = append([]retry.IsErrorRetryable{stays}, r.Retryables...)
	})
}

// notPermanent rules retries out if the error would stay the same, and else leaves the question open.
func notPermanent(scheme *storage.Scheme, err error) aws.Ternary {
	if storage.Permanent(err) || scheme.Cause(err) != nil || credentialsCause(err) != nil {
		return aws.FalseTernary
	}
	for _, k := range causes {
		if k.kind != nil && k.try != tryClock && code(err) != "" && k.fits(code(err), message(err), status(err)) {
			return aws.FalseTernary
		}
	}
	return aws.UnknownTernary
}
