// increment configures WireGuard by increments. `increment diff` reads the interface before each
// change and writes the differences, as Talos KubeSpan does; `increment known` writes a change that it
// is told, without looking: the least that a program can do.
package main

import (
	"fmt"
	"net"
	"os"

	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/wg-kube/wg-kube/bench/rivals/session"
)

type increment struct {
	client *wgctrl.Client
	reads  bool
	wanted map[wgtypes.Key]wgtypes.PeerConfig
}

func main() {
	client, err := wgctrl.New()
	if err == nil {
		err = session.Serve(&increment{
			client: client,
			reads:  len(os.Args) > 1 && os.Args[1] == "diff",
			wanted: map[wgtypes.Key]wgtypes.PeerConfig{},
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (way *increment) write(changes ...wgtypes.PeerConfig) error {
	return way.client.ConfigureDevice(session.Device, wgtypes.Config{Peers: changes})
}

// settle reads the interface and writes what differs.
func (way *increment) settle() error {
	device, err := way.client.Device(session.Device)
	if err != nil {
		return err
	}
	var changes []wgtypes.PeerConfig
	found := make(map[wgtypes.Key]bool, len(device.Peers))
	for _, peer := range device.Peers {
		found[peer.PublicKey] = true
		wanted, ok := way.wanted[peer.PublicKey]
		if !ok {
			changes = append(changes, wgtypes.PeerConfig{PublicKey: peer.PublicKey, Remove: true})
		} else if !sameNetworks(wanted.AllowedIPs, peer.AllowedIPs) {
			changes = append(changes, wanted)
		}
	}
	for key, peer := range way.wanted {
		if !found[key] {
			changes = append(changes, peer)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return way.write(changes...)
}

func sameNetworks(a, b []net.IPNet) bool {
	if len(a) != len(b) {
		return false
	}
	texts := make(map[string]bool, len(a))
	for _, network := range a {
		texts[network.String()] = true
	}
	for _, network := range b {
		if !texts[network.String()] {
			return false
		}
	}
	return true
}

func (way *increment) Keep(peer wgtypes.PeerConfig) {
	way.wanted[peer.PublicKey] = peer
}

func (way *increment) Fill(peers []wgtypes.PeerConfig, batch int) error {
	for _, peer := range peers {
		way.wanted[peer.PublicKey] = peer
	}
	if batch == 0 {
		return way.settle()
	}
	for start := 0; start < len(peers); start += batch {
		if err := way.write(peers[start:min(start+batch, len(peers))]...); err != nil {
			return err
		}
	}
	return nil
}

func (way *increment) Add(peer wgtypes.PeerConfig) error {
	way.wanted[peer.PublicKey] = peer
	if way.reads {
		return way.settle()
	}
	return way.write(peer)
}

func (way *increment) Change(peer wgtypes.PeerConfig) error {
	return way.Add(peer)
}

func (way *increment) Remove(key wgtypes.Key) error {
	delete(way.wanted, key)
	if way.reads {
		return way.settle()
	}
	return way.write(wgtypes.PeerConfig{PublicKey: key, Remove: true})
}
