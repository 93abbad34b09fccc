/** Shows the page of the current address, and follows links without loading the page anew. */
import { type Route, routeOf } from "./routes";

export class Router {
  route = $state<Route>({ page: "sites" });

  /** Gives back what stops it. */
  start(): () => void {
    const onPop = () => this.read();
    const onClick = (event: MouseEvent) => this.follow(event);
    window.addEventListener("popstate", onPop);
    document.addEventListener("click", onClick);
    this.read();
    return () => {
      window.removeEventListener("popstate", onPop);
      document.removeEventListener("click", onClick);
    };
  }

  go(path: string, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", path);
    else history.replaceState(null, "", path);
    this.read();
    if (how === "push") window.scrollTo(0, 0);
  }

  private read(): void {
    this.route = routeOf(location.pathname, location.search);
  }

  private follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const special = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
    if (link === null || special || event.defaultPrevented || link.target !== "") return;
    if (link.origin !== location.origin || link.hash !== "") return;
    event.preventDefault();
    this.go(link.pathname + link.search, link.dataset["replace"] === undefined ? "push" : "replace");
  }
}
