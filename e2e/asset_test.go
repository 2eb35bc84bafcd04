//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

func (e *emulator) cloudformation() *cloudformation.Client {
	return cloudformation.NewFromConfig(e.config())
}
func (e *emulator) lambda() *lambda.Client { return lambda.NewFromConfig(e.config()) }

// function is one of the stack as the platform would run it.
type function struct {
	config    runtimeapi.Function // what the template gave it
	role      string              // ARN
	asset     string              // name of its code in the bucket: the template's hash
	bootstrap string              // from the asset
}

// template is what the emulator has of the stack.
type template struct {
	text      string
	Resources map[string]struct {
		Type       string
		Properties struct {
			Code                               struct{ S3Bucket, S3Key any }
			ExtendedS3DestinationConfiguration object // of the hub's stream
		}
	}
}

func (d *deployment) template() (t template, err error) {
	out, err := d.cloudformation().GetTemplate(context.Background(), &cloudformation.GetTemplateInput{StackName: &d.stack})
	if err != nil {
		return t, err
	}
	t.text = *out.TemplateBody
	return t, json.Unmarshal([]byte(t.text), &t)
}

// resources are those that the emulator made, as CloudFormation lists them.
func (d *deployment) resources() (all []types.StackResourceSummary, err error) {
	pages := cloudformation.NewListStackResourcesPaginator(d.cloudformation(), &cloudformation.ListStackResourcesInput{StackName: &d.stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return nil, err
		}
		all = append(all, page.StackResourceSummaries...)
	}
	return all, nil
}

// function finds a function of the stack by how its logical id begins, and
// unzips its asset from the bucket.
func (d *deployment) function(id string) (f function, err error) {
	all, err := d.resources()
	if err != nil {
		return f, err
	}
	logical := ""
	for _, r := range all {
		if aws.ToString(r.ResourceType) == "AWS::Lambda::Function" && strings.HasPrefix(*r.LogicalResourceId, id) {
			logical, f.config.Name = *r.LogicalResourceId, *r.PhysicalResourceId
		}
	}
	if logical == "" {
		return f, fmt.Errorf("the stack has no function %s", id)
	}
	c, err := d.lambda().GetFunctionConfiguration(context.Background(), &lambda.GetFunctionConfigurationInput{FunctionName: &f.config.Name})
	if err != nil {
		return f, err
	}
	f.role = *c.Role
	f.config.AccountID, f.config.Region, f.config.Env = account, region, c.Environment.Variables
	f.config.Timeout, f.config.MemoryMB = time.Duration(*c.Timeout)*time.Second, int(*c.MemorySize)
	t, err := d.template()
	if err != nil {
		return f, err
	}
	code := t.Resources[logical].Properties.Code
	f.asset, _ = code.S3Key.(string)
	bucket := "cdk-hnb659fds-assets-" + account + "-" + region
	if f.bootstrap, err = d.unzip(bucket, f.asset); err != nil {
		return f, fmt.Errorf("asset of %s (%v in %v): %w", logical, code.S3Key, code.S3Bucket, err)
	}
	return f, nil
}

// unzip puts an asset from the bucket into a folder, as Lambda does, and gives
// the path of its bootstrap.
func (d *deployment) unzip(bucket, key string) (string, error) {
	text, err := d.object(bucket, key)
	if err != nil {
		return "", err
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return "", err
	}
	folder := filepath.Join(d.assets, strings.TrimSuffix(key, ".zip"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for _, f := range archive.File {
		if err := extract(f, folder); err != nil {
			return "", fmt.Errorf("unzip %s: %w", f.Name, err)
		}
	}
	bootstrap := filepath.Join(folder, "bootstrap")
	if info, err := os.Stat(bootstrap); err != nil || info.Mode().Perm()&0o111 == 0 {
		return "", errors.Join(err, errors.New("its bootstrap cannot be executed"))
	}
	return bootstrap, nil
}

// object reads an object of S3, by hand: one read is not worth a module.
func (e *emulator) object(bucket, key string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodGet, e.url+"/"+bucket+"/"+key, nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(context.Background(), e.credentials(), r, hex.EncodeToString(sum[:]), "s3", region, time.Now()); err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // read whole below
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("read %s: %s: %.200s", key, answer.Status, text)
	}
	return text, err
}

func extract(f *zip.File, folder string) error {
	if !filepath.IsLocal(f.Name) || strings.HasSuffix(f.Name, "/") {
		return errors.New("want plain files only")
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	path := filepath.Join(folder, f.Name)
	if _, err := os.Stat(path); err == nil {
		return nil // the same asset, unzipped before; it may be running
	}
	return os.WriteFile(path, text, f.Mode().Perm())
}
