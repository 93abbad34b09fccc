import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The API serves what is built here, so the page and its data share one origin and no request leaves it.
const built = "../src/siloscope_dashboards/static";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: built,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a data: address would break the content security policy
    modulePreload: { polyfill: false },
  },
  server: {
    // Only for `npm run dev`: the API of a running platform answers, the page comes from Vite.
    proxy: { "/api": process.env["SILOSCOPE_API"] ?? "http://127.0.0.1:8080" },
  },
  test: {
    include: ["tests/**/*.test.ts", "edge-tests/**/*.test.ts"],
    environment: "node",
  },
});
