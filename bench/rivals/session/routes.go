package session

import (
	"net"

	"github.com/vishvananda/netlink"
)

// AddRoutes adds routes into the interface one after another, by one socket.
func AddRoutes(networks []net.IPNet) error {
	link, err := netlink.LinkByName(Device)
	if err != nil {
		return err
	}
	handle, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, network := range networks {
		route := netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: &network, Scope: netlink.SCOPE_LINK,
		}
		if err := handle.RouteAdd(&route); err != nil {
			return err
		}
	}
	return nil
}
