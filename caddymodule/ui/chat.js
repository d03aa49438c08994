import'./chat-RPGKCPHJ.js';import'./chunk-7UXMJHCG.js';
