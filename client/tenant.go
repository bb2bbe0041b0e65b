package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// The calls of this file manage customers, applications and API keys (section 9).
// They need an API key of scope operator, or admin of that customer.

// fill puts an address, in any form, in place of a path's parameter.
func fill(path, param, id string) string {
	local, _, _ := strings.Cut(id, "@")
	return strings.Replace(path, param, url.PathEscape(local), 1)
}

// tenant makes a call of section 9 and reads its answer.
func tenant[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	r := request{method: method, path: path, reads: method == http.MethodGet, once: method == http.MethodPost}
	if body != nil {
		r.body = fixed(body)
	}
	var v T
	_, err := c.callInto(ctx, r, &v)
	return v, err
}

// tenants gives all items of a list, page after page.
func tenants[T any](ctx context.Context, c *Client, path string) iter.Seq2[T, error] {
	return listed[T](ctx, c, path, url.Values{})
}

// listed gives all items of a list with a query.
func listed[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return pages[T](ctx, c, func(cursor string) request {
		query.Del("cursor") // of an earlier loop
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		return request{method: http.MethodGet, path: path, query: query, reads: true}
	})
}

// pages gives the items of what comes in pages. ask makes the request of the page
// that begins at a cursor; an empty one is the start.
func pages[T any](ctx context.Context, c *Client, ask func(cursor string) request) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for cursor := ""; ; {
			var items []T
			reply, err := c.callInto(ctx, ask(cursor), &items)
			if err == nil && reply.Continue && (reply.Last == "" || reply.Last == cursor) {
				err = fmt.Errorf("%w: a list that does not go on", ErrBadAnswer)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if !reply.Continue {
				return
			}
			cursor = reply.Last
		}
	}
}

// CreateCustomer makes a customer. Unlike most calls it is not idempotent, so it
// is not repeated when its outcome is unknown: look into Customers then.
func (c *Client) CreateCustomer(ctx context.Context, name string) (api.Customer, error) {
	return tenant[api.Customer](ctx, c, http.MethodPost, api.PathCustomers, api.NameRequest{Name: name})
}

// Customers gives all customers.
func (c *Client) Customers(ctx context.Context) iter.Seq2[api.Customer, error] {
	return tenants[api.Customer](ctx, c, api.PathCustomers)
}

// Customer gives one customer.
func (c *Client) Customer(ctx context.Context, id string) (api.Customer, error) {
	return tenant[api.Customer](ctx, c, http.MethodGet, fill(api.PathCustomer, ":cust", id), nil)
}

// UpdateCustomer renames, enables or disables a customer.
func (c *Client) UpdateCustomer(ctx context.Context, id string, p api.TenantPatch) (api.Customer, error) {
	return tenant[api.Customer](ctx, c, http.MethodPatch, fill(api.PathCustomer, ":cust", id), p)
}

// CreateApplication makes an application of a customer; see CreateCustomer.
func (c *Client) CreateApplication(ctx context.Context, customer, name string) (api.Application, error) {
	return tenant[api.Application](ctx, c, http.MethodPost, fill(api.PathApplications, ":cust", customer), api.NameRequest{Name: name})
}

// Applications gives all applications of a customer.
func (c *Client) Applications(ctx context.Context, customer string) iter.Seq2[api.Application, error] {
	return tenants[api.Application](ctx, c, fill(api.PathApplications, ":cust", customer))
}

// Application gives one application.
func (c *Client) Application(ctx context.Context, id string) (api.Application, error) {
	return tenant[api.Application](ctx, c, http.MethodGet, fill(api.PathApplication, ":app", id), nil)
}

// UpdateApplication renames, enables or disables an application.
func (c *Client) UpdateApplication(ctx context.Context, id string, p api.TenantPatch) (api.Application, error) {
	return tenant[api.Application](ctx, c, http.MethodPatch, fill(api.PathApplication, ":app", id), p)
}

// CreateKey makes an API key of an application. The answer holds its secret,
// which is never shown again. After ErrOutcomeUnknown there may be a key whose
// secret nobody knows: delete it.
func (c *Client) CreateKey(ctx context.Context, application string, r api.KeyRequest) (api.Key, error) {
	return tenant[api.Key](ctx, c, http.MethodPost, fill(api.PathKeys, ":app", application), r)
}

// Keys gives all API keys of an application, without secrets.
func (c *Client) Keys(ctx context.Context, application string) iter.Seq2[api.Key, error] {
	return tenants[api.Key](ctx, c, fill(api.PathKeys, ":app", application))
}

// APIKey gives one API key, without its secret.
func (c *Client) APIKey(ctx context.Context, id string) (api.Key, error) {
	return tenant[api.Key](ctx, c, http.MethodGet, fill(api.PathKey, ":key", id), nil)
}

// UpdateKey changes an API key.
func (c *Client) UpdateKey(ctx context.Context, id string, p api.KeyPatch) (api.Key, error) {
	return tenant[api.Key](ctx, c, http.MethodPatch, fill(api.PathKey, ":key", id), p)
}

// RotateKey gives an API key a new secret, which is in the answer. The old one
// stays valid for the request's overlap. Like CreateKey it is not idempotent.
func (c *Client) RotateKey(ctx context.Context, id string, r api.RotateRequest) (api.Key, error) {
	return tenant[api.Key](ctx, c, http.MethodPost, fill(api.PathKeyRotate, ":key", id), r)
}

// DeleteKey deletes an API key. One that is gone already is an *api.Error (40404).
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: fill(api.PathKey, ":key", id)})
	if errors.Is(err, ErrOutcomeUnknown) && hasCode(err, api.CodeNoTenant) {
		return nil // an earlier try of this call deleted it
	}
	return err
}

// Version gives the version of a node. It needs no particular scope.
func (c *Client) Version(ctx context.Context) (api.Version, error) {
	return tenant[api.Version](ctx, c, http.MethodGet, api.PathVersion, nil)
}

// Cluster gives the state of the cluster as one node sees it.
func (c *Client) Cluster(ctx context.Context) (api.ClusterStatus, error) {
	return tenant[api.ClusterStatus](ctx, c, http.MethodGet, api.PathCluster, nil)
}
