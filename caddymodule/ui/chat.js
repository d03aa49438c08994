import'./chat-UNJZPBYO.js';import'./chunk-TG372WJ4.js';
