import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// npm run dev serves the sources and passes the API on to a Penstock that runs.
const penstock = process.env.PENSTOCK_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  // The program refuses changes that come from another origin; here the page is served from one.
  server: { proxy: { "/api": { target: penstock, changeOrigin: true, headers: { Origin: new URL(penstock).origin } } } },
});
