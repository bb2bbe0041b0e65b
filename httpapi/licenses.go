package httpapi

import (
	"context"
	"runtime/debug"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/licenses"
)

// showLicenses tells what this binary is made from (section 11).
func showLicenses(context.Context, *exchange) (answer, error) {
	all, err := licenses.All()
	if err != nil {
		return answer{}, err
	}
	info, _ := debug.ReadBuildInfo()
	linked := licenses.Of(all, info)
	body := make([]api.License, len(linked))
	for i, m := range linked {
		body[i] = api.License{Module: m.Path, Version: m.Version, SPDX: m.SPDX, Text: m.Text}
	}
	return answer{body: body}, nil
}
