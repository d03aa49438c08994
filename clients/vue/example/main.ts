import { createApp } from 'vue'
import Chat from './Chat.vue'

createApp(Chat, { url: 'wss://chat.example.com/chat', name: 'Li' }).mount('#chat')
