// Keeps an open page as the hub is: changes what differs, and nothing else, so that focus, selection
// and scroll positions stay.
(() => {
  const sameKind = (a, b) =>
    a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "");

  function become(shown, wanted) {
    if (shown.nodeType !== Node.ELEMENT_NODE) {
      if (shown.data !== wanted.data) shown.data = wanted.data;
      return;
    }
    for (const { name } of [...shown.attributes]) {
      if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
    }
    for (const { name, value } of wanted.attributes) {
      if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    children(shown, wanted);
  }

  function children(shown, wanted) {
    const theirs = [...wanted.childNodes];
    for (const [at, child] of theirs.entries()) {
      let ours = shown.childNodes[at];
      // A row that was elsewhere moves here, rather than being made again.
      if (child.id && ours?.id !== child.id) {
        const moved = [...shown.children].find(({ id }) => id === child.id);
        if (moved) {
          shown.insertBefore(moved, ours ?? null);
          ours = moved;
        }
      }
      if (!ours) shown.append(child);
      else if (sameKind(ours, child)) become(ours, child);
      else shown.insertBefore(child, ours);
    }
    while (shown.childNodes.length > theirs.length) shown.lastChild.remove();
  }

  function show(regions) {
    const focused = document.activeElement;
    for (const [id, text] of Object.entries(regions)) {
      const template = document.createElement("template");
      template.innerHTML = text;
      children(document.getElementById(id), template.content);
    }
    if (focused?.isConnected && document.activeElement !== focused) focused.focus();
  }

  function tell(text) {
    const place = document.getElementById("live");
    if (place && place.textContent !== text) place.textContent = text;
  }

  const source = new EventSource("/events");
  source.onmessage = ({ data }) => {
    show(JSON.parse(data));
    tell("live");
  };
  source.onerror = () => {
    tell(
      source.readyState === EventSource.CLOSED
        ? "not live: too many pages are open, reload for news"
        : "not live: the hub does not answer",
    );
  };
})();
