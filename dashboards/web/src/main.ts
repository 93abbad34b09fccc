import { mount } from "svelte";
import "./app.css";
import Shell from "./Shell.svelte";
import { applyTheme, storedTheme } from "./theme";

applyTheme(storedTheme());
mount(Shell, { target: document.getElementById("page")! });
