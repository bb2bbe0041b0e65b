package main

import (
	"errors"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

func newCustomerCmd() *cobra.Command {
	c := &connection{}
	cmd := group("customer", "Make, list, show and change customers",
		&cobra.Command{
			Use: "create NAME", Short: "Make a customer", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return one(c, cmd, customerRow, func(cl *client.Client) (api.Customer, error) {
					return cl.CreateCustomer(cmd.Context(), args[0])
				})
			},
		},
		&cobra.Command{
			Use: "list", Short: "List all customers", Args: exactArgs(0),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return many(c, cmd, customerRow, func(cl *client.Client) iter.Seq2[api.Customer, error] {
					return cl.Customers(cmd.Context())
				})
			},
		},
		&cobra.Command{
			Use: "show CUSTOMER", Short: "Show a customer", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return one(c, cmd, customerRow, func(cl *client.Client) (api.Customer, error) {
					return cl.Customer(cmd.Context(), args[0])
				})
			},
		},
		updateCmd("update CUSTOMER", "Rename, disable or enable a customer", func(cmd *cobra.Command, id string, p api.TenantPatch) error {
			return one(c, cmd, customerRow, func(cl *client.Client) (api.Customer, error) {
				return cl.UpdateCustomer(cmd.Context(), id, p)
			})
		}),
	)
	c.flags(cmd, envOperatorKeyID, envOperatorKeySecret)
	return cmd
}

func newApplicationCmd() *cobra.Command {
	c := &connection{}
	cmd := group("application", "Make, list, show and change applications",
		&cobra.Command{
			Use: "create CUSTOMER NAME", Short: "Make an application of a customer", Args: exactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				return one(c, cmd, applicationRow, func(cl *client.Client) (api.Application, error) {
					return cl.CreateApplication(cmd.Context(), args[0], args[1])
				})
			},
		},
		&cobra.Command{
			Use: "list CUSTOMER", Short: "List the applications of a customer", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return many(c, cmd, applicationRow, func(cl *client.Client) iter.Seq2[api.Application, error] {
					return cl.Applications(cmd.Context(), args[0])
				})
			},
		},
		&cobra.Command{
			Use: "show APPLICATION", Short: "Show an application", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return one(c, cmd, applicationRow, func(cl *client.Client) (api.Application, error) {
					return cl.Application(cmd.Context(), args[0])
				})
			},
		},
		updateCmd("update APPLICATION", "Rename, disable or enable an application", func(cmd *cobra.Command, id string, p api.TenantPatch) error {
			return one(c, cmd, applicationRow, func(cl *client.Client) (api.Application, error) {
				return cl.UpdateApplication(cmd.Context(), id, p)
			})
		}),
	)
	c.flags(cmd, envOperatorKeyID, envOperatorKeySecret)
	return cmd
}

// updateCmd makes the command that changes a customer or an application.
func updateCmd(use, short string, update func(*cobra.Command, string, api.TenantPatch) error) *cobra.Command {
	var name string
	var enabled bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p api.TenantPatch
			if cmd.Flags().Changed("name") {
				p.Name = &name
			}
			if cmd.Flags().Changed("enabled") {
				p.Enabled = &enabled
			}
			if p == (api.TenantPatch{}) {
				return usageError{errors.New("nothing to change: --name or --enabled is needed")}
			}
			return update(cmd, args[0], p)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the new name")
	cmd.Flags().BoolVar(&enabled, "enabled", true, "--enabled=false disables it and all below it, at once")
	return cmd
}

// row gives the headings and the cells by which a T is shown.
type row[T any] func(T) (headings, cells []string)

func customerRow(c api.Customer) (headings, cells []string) {
	return []string{"CUSTOMER", "NAME", "STATE", "CREATED"},
		[]string{c.Address, c.Name, state(c.Enabled), unixTime(c.Created)}
}

func applicationRow(a api.Application) (headings, cells []string) {
	return []string{"APPLICATION", "NAME", "STATE", "CREATED", "CUSTOMER"},
		[]string{a.Address, a.Name, state(a.Enabled), unixTime(a.Created), a.Customer}
}

func state(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}

// one makes a call and prints what it answers, each field on a line.
func one[T any](c *connection, cmd *cobra.Command, show row[T], call func(*client.Client) (T, error)) error {
	return c.with(func(cl *client.Client) error {
		v, err := call(cl)
		if err != nil {
			return err
		}
		if c.json {
			return printJSON(cmd.OutOrStdout(), v)
		}
		return printOne(cmd.OutOrStdout(), show, v)
	})
}

func printOne[T any](out io.Writer, show row[T], v T) error {
	headings, cells := show(v)
	rows := make([][]string, 0, len(cells))
	for i, cell := range cells {
		if cell != "" {
			rows = append(rows, []string{headings[i], cell})
		}
	}
	return printTable(out, rows)
}

// many prints a list as a table, or as a JSON array.
func many[T any](c *connection, cmd *cobra.Command, show row[T], list func(*client.Client) iter.Seq2[T, error]) error {
	return c.with(func(cl *client.Client) error {
		items := []T{}
		for v, err := range list(cl) {
			if err != nil {
				return err
			}
			items = append(items, v)
		}
		if c.json {
			return printJSON(cmd.OutOrStdout(), items)
		}
		var none T
		headings, _ := show(none)
		rows := [][]string{headings}
		for _, v := range items {
			_, cells := show(v)
			rows = append(rows, cells)
		}
		return printTable(cmd.OutOrStdout(), rows)
	})
}
