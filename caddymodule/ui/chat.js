import'./chat-ZMHY7OBQ.js';import'./chunk-5KZMCUDO.js';
