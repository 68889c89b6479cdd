// informer watches the metadata of the Nodes that are peers, as a Go program with client-go would, and
// prints a line when it has them all. `informer KUBECONFIG SELECTOR`.
package main

import (
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, selector string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	informer := metadatainformer.NewFilteredMetadataInformer(
		client,
		schema.GroupVersionResource{Version: "v1", Resource: "nodes"},
		metav1.NamespaceAll, 10*time.Minute, cache.Indexers{},
		func(options *metav1.ListOptions) { options.LabelSelector = selector },
	).Informer()
	go informer.Run(nil)
	if !cache.WaitForCacheSync(nil, informer.HasSynced) {
		return fmt.Errorf("not in step")
	}
	fmt.Printf("in step with %d nodes\n", len(informer.GetStore().List()))
	select {}
}
