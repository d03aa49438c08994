import { createSSRApp } from 'vue'
import App from './App.vue'

// uni-app calls createApp on every platform.
export function createApp() {
  return { app: createSSRApp(App) }
}
